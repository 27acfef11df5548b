/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells whose a host port is, by the maps of all networks of the node. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_CONFLICT_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_CONFLICT_H

#include "portmap_elements.h"

/* A sibling (portmap_siblings.h) has some of the ports, and keeps them. They are taken
 * out of the elements that were wanted. */
#define PORTMAP_SHARED 1

/*
 * Makes way for the elements @wanted, under the exclusive node lock. Elements of
 * attachments without an interface are deleted, after the DEL of those of @att's network
 * that are dead (reclaim.h). PORTMAP_SHARED. Code 103 (-EADDRINUSE) names a port, on all
 * addresses of the node or on one, that another container has, and its pod. Codes 5, 11,
 * 100, 101.
 */
int portmap_make_way(struct attachment *att, struct nft_element_list *wanted,
		     struct cni_error *err);

/* Finds out the same, and deletes nothing: elements of attachments without an interface
 * are in nobody's way. PORTMAP_SHARED. The same codes. */
int portmap_check_free(struct attachment *att, struct nft_element_list *wanted,
		       struct cni_error *err);

#endif
