/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Has a file another content than before? A kubelet writes all files of a volume anew when one
 * of them changes, so a new file alone says nothing.
 */
#ifndef BRIDGE_CNI_AGENT_FILE_STATE_H
#define BRIDGE_CNI_AGENT_FILE_STATE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "conf/identity.h"

struct content {
	struct stat file; /* when it was read */
	uint64_t hash; /* 0: it couldn't be read */
};

/* Reads it where it may have changed since the last call. True: it has; the first time, too. */
bool content_changed(struct content *content, const char *path);

#endif
