/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory for the files of a fuzz target, which goes with the process. */
#ifndef BRIDGE_CNI_TESTS_FUZZ_BASE_H
#define BRIDGE_CNI_TESTS_FUZZ_BASE_H

#include <ftw.h>
#include <limits.h>

#include "fuzz.h"

static char base[64];

static inline int base_remove_entry(const char *path, const struct stat *st, int type,
				    struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void base_remove(void)
{
	nftw(base, base_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Makes the directory, with the target's name in its own; the first time only. */
static inline void base_make(const char *target)
{
	const char *dir = getenv("TMPDIR");

	if (base[0])
		return;
	snprintf(base, sizeof(base), "%.40s/fuzz-%s.XXXXXX", dir ? dir : "/tmp", target);
	PROMISE(mkdtemp(base));
	atexit(base_remove);
}

static inline const char *in_base(const char *name, char buf[PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/%s", base, name);
	return buf;
}
/* The path of an entry; valid to the end of the block. */
#define IN_BASE(name) in_base((name), (char[PATH_MAX]){})

#endif
