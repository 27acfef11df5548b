/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file is read only where stat() shows another file than the last time. */
#include "file_state.h"

#include <time.h>

#include "conf/identity.h"
#include "files.h"

#define FRESH_SECONDS 2

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool file_state_changed(struct file_state *state, const char *path)
{
	_cleanup_(free_p) char *text = NULL;
	struct file_state now = {};
	bool changed;
	size_t len;

	/* stat() comes before reading: what is written between is seen the next time. */
	if (stat(path, &now.stat) < 0)
		now.stat = (struct stat){};
	else if (same_file(&now.stat, &state->stat))
		return false;
	else if (file_read(path, &text, &len, NULL) == 0)
		now.hash = hash_bytes(text, len);
	changed = now.hash != state->hash;
	/* A file that is written twice within a tick of the clock looks the same both
	 * times: a fresh one is read again. */
	if (now.stat.st_mtim.tv_sec > time(NULL) - FRESH_SECONDS)
		now.stat = (struct stat){};
	*state = now;
	return changed;
}
