/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looked at by stat, read only where that differs. */
#include "file_state.h"

#include <time.h>

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

bool content_changed(struct content *content, const char *path)
{
	_cleanup_(free_p) char *text = NULL;
	struct content now = {};
	struct cni_error ignored = {};
	bool changed;
	size_t len;

	/* stat() comes before reading: what is written in between is seen the next time. */
	if (stat(path, &now.file) < 0)
		now.file = (struct stat){};
	else if (same_file(&now.file, &content->file))
		return false;
	else if (file_read(path, &text, &len, &ignored) == 0)
		now.hash = hash_bytes(text, len);
	changed = now.hash != content->hash;
	/* Written twice within a tick of the clock, it looks the same both times. */
	if (now.file.st_mtim.tv_sec > time(NULL) - FRESH_SECONDS)
		now.file = (struct stat){};
	*content = now;
	return changed;
}
