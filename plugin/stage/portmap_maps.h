/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists the maps of host ports that the node has, those of all owners
 * (identity_owner()). */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_MAPS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_MAPS_H

#include "portmap_elements.h"

struct portmap_map_list {
	struct nft_set *items; /* owned */
	size_t n;
};
void portmap_map_list_clear(struct portmap_map_list *list);

/* All but those of kind PORTMAP_ONLINK, which are sets. Code 101. */
int portmap_map_list_get(struct netlink *nl, struct portmap_map_list *ret_list,
			 struct cni_error *err);

#endif
