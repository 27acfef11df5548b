/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells whether a file has another content than before. A kubelet writes all files of a
 * volume anew when one of them changes, so a new file alone says nothing.
 */
#ifndef BRIDGE_CNI_AGENT_BASE_FILE_STATE_H
#define BRIDGE_CNI_AGENT_BASE_FILE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* The file as it was when it was looked at last. Zero-initialise it. */
struct file_state {
	struct stat stat; /* of when the file was read last */
	uint64_t hash; /* of its content; 0: it could not be read */
};

/*
 * Compares the file with @state and brings @state up to date. The file is read only where
 * stat() says that it may have changed. Returns true where the content is another one
 * than at the last call, and at the first call.
 */
bool file_state_changed(struct file_state *state, const char *path);

#endif
