/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a file of a runtime's configuration directory (/etc/cni/net.d), which is a list
 * of plugins, or one plugin. It gives the plugins of one type, each as a runtime would
 * hand it over, but without the keys that a runtime adds for a container (runtimeConfig,
 * args).
 */
#ifndef BRIDGE_CNI_CONF_NET_LIST_H
#define BRIDGE_CNI_CONF_NET_LIST_H

#include <stdbool.h>

#include "conf/base/error.h"

#define NET_LIST_MAX 64 /* plugins of a list */

struct net_list {
	struct net_list_plugin {
		char *text; /* JSON; owned */
		const char *type; /* the one of @types that it has; borrowed */
		int index; /* in the list; -1: the file is this one plugin */
	} * items;
	size_t n;
	bool is_list; /* the file has the key plugins */
};

/*
 * Finds the plugins whose type is one of @types: names of the executable, the last NULL.
 * @ret_list is empty where there is none. The name and the cniVersion of a list stand in
 * each of its plugins. Codes 6 and 7.
 */
int net_list_read(const char *text, size_t len, const char *const *types,
		  struct net_list *ret_list, struct cni_error *err);
void net_list_clear(struct net_list *list);

#endif
