/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The numbers by which the kernel calls other namespaces in the connection's one, over
 * rtnetlink. See ip-netns(8), list-id, and linux/net_namespace.h. A number goes when its
 * namespace ends, and the next one may get it. It keeps no namespace alive.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NS_ID_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NS_ID_H

#include <stddef.h>

#include "netlink.h"

/* Gives the namespace @fd a number. One that it has stays. Code 101. */
int ns_id_give(struct netlink *nl, int fd, struct cni_error *err);

struct ns_id_list {
	int *items;
	size_t n;
};

/* Lists the numbers of all namespaces that have one; ns_id_list_clear() frees them. Code
 * 101. */
int ns_id_list_get(struct netlink *nl, struct ns_id_list *ret_list,
		   struct cni_error *err);
void ns_id_list_clear(struct ns_id_list *list);

#endif
