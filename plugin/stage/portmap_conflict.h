/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose is a host port? Asked of the maps of all networks of the node. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_CONFLICT_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_CONFLICT_H

#include "portmap_elements.h"

/*
 * Makes sure that what @wanted claims is no other container's, by all addresses or by one; the
 * exclusive node lock is held. What an attachment has whose interface is gone makes way, after
 * the DEL of those of @att's network that are dead. What another attachment of the same
 * container has it keeps: that is taken out of @wanted. 1: there is such; code 103
 * (-EADDRINUSE) naming port and pod.
 */
int portmap_make_way(struct attachment *att, struct nft_element_list *wanted,
		     struct cni_error *err);

/* Only looks. */
int portmap_check_free(struct attachment *att, struct nft_element_list *wanted,
		       struct cni_error *err);

/* Is there an interface of that name, or one that had it and was renamed? */
bool portmap_owner_lives(const struct attachment *att, const char *host_ifname);

#endif
