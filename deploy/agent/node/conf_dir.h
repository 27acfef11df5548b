/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The runtime's configurations in its directory, told by their names alone. */
#ifndef BRIDGE_CNI_AGENT_NODE_CONF_DIR_H
#define BRIDGE_CNI_AGENT_NODE_CONF_DIR_H

#include <limits.h>
#include <stddef.h>

/*
 * Counts the files that libcni takes for configurations and whose names sort before
 * @before; NULL: all of them. @ret_first gets the first one's name, "" without one. A
 * directory that can't be read has none.
 */
size_t conf_dir_count(const char *conf_dir, const char *before,
		      char ret_first[NAME_MAX + 1]);

#endif
