/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interfaces by which the node forwards packets of this program's networks, whether
 * they have the key isolate or not: a network with isolate "strict" is kept from all of
 * them. A bridge that has a port of somebody else, such as a network card, is none of
 * them, as the outside may be behind it.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_ISOLATE_NETWORKS_H
#define BRIDGE_CNI_PLUGIN_STAGE_ISOLATE_NETWORKS_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

struct ifname_list {
	struct ifname {
		char text[IF_NAMESIZE];
	} * items;
	size_t n;
};
void ifname_list_clear(struct ifname_list *list);

/* Adds a name that is not in the list yet. Code 100. */
int ifname_list_add(struct ifname_list *list, const char *ifname, struct cni_error *err);

/* Adds the interfaces that there are. Codes 100, 101. */
int isolate_networks_find(struct attachment *att, struct ifname_list *list,
			  struct cni_error *err);

/*
 * Called before an ADD sets up a bridge or a VLAN's gateway that it has made, or has
 * found incomplete: where a network of the node is isolated, that has to know of the
 * interface. Under the exclusive lock. Code 101.
 */
int isolate_network_made(struct attachment *att, const char *ifname,
			 struct cni_error *err);

#endif
