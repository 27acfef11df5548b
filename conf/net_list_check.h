/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks those keys of a configuration file that the runtime itself reads, by libcni,
 * and by which it takes the file or not. */
#ifndef BRIDGE_CNI_CONF_NET_LIST_CHECK_H
#define BRIDGE_CNI_CONF_NET_LIST_CHECK_H

#include <stdbool.h>

struct findings;
struct json_doc;
struct json_type;

/* The keys of a configuration list, for json_read() and the search for unknown keys. */
extern const struct json_type net_list_root;

/* Looks at a list, except at its plugins' own keys. @file is its name, whose end tells
 * runtimes what is in it. */
void net_list_check(const struct json_doc *doc, const char *file,
		    struct findings *findings);

/* Looks at those keys of a list that stand in one plugin. @in_list: the plugin is one of a
 * list, which has the version. */
void net_plugin_check(const struct json_doc *doc, const char *file, bool in_list,
		      struct findings *findings);

#endif
