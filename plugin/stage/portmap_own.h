/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells which of a pod's host ports are there, as the pod's own. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_OWN_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_OWN_H

#include "portmap_elements.h"

/* Looks up the keys of @elements. Those elements that are there, and by their comments
 * belong to @host_ifname, are added to @found, which is then sorted. Codes 100, 101. */
int portmap_find_own(struct netlink *nl, const struct nft_element_list *elements,
		     const char *host_ifname, struct nft_element_list *found,
		     struct cni_error *err);

/* Adds all elements that, by their comments, @host_ifname has in an owner's sets: a
 * sibling (portmap_siblings.h) may have only some of those that it asked for. They point
 * to @sets. Code 101. */
int portmap_list_own(struct netlink *nl, const struct portmap_sets *sets,
		     const char *host_ifname, struct nft_element_list *found,
		     struct cni_error *err);

/* Is @element among those that portmap_find_own() found, with the same end and data? */
bool portmap_have(const struct nft_element_list *found,
		  const struct nft_element *element);

/* Makes conntrack forget what it remembers of the pod's UDP and SCTP ports, once
 * @elements are there: clients that went on sending by the same port of theirs while a
 * port led nowhere would go on not reaching the pod. */
void portmap_forget_former(struct attachment *att,
			   const struct nft_element_list *elements);

#endif
