/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads configurations as ADD, DEL and GC do, and says what is found in them. It changes
 * nothing, needs no rights, and starts no other program. */
#ifndef BRIDGE_CNI_PLUGIN_VALIDATE_H
#define BRIDGE_CNI_PLUGIN_VALIDATE_H

#include "conf/findings.h"

/* Reads the file @fd; findings are about it. @types: of plugins that are ours, as
 * net_list_read() takes them. @alone: the file was named, and is not one of a directory.
 * Returns how many plugins of ours it has. */
size_t validate_file(struct findings *findings, const char *const *types, int fd,
		     bool alone);

/* Prints the findings, a line each, or all of them as JSON. Returns the exit status. */
#define VALIDATE_WARNINGS 1
#define VALIDATE_ERRORS	  2
int validate_print(const struct findings *findings, bool as_json);

#endif
