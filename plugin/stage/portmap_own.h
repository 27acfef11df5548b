/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a pod's host ports does the kernel have, as the pod's own? */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_OWN_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_OWN_H

#include "portmap_elements.h"

/* Adds to @found what is there by the keys of @elements and is, by its comment, of
 * @host_ifname; sorts it. Codes 100, 101. */
int portmap_find_own(struct netlink *nl, const struct nft_element_list *elements,
		     const char *host_ifname, struct nft_element_list *found,
		     struct cni_error *err);

/* Is @element among what was found so, word for word? */
bool portmap_have(const struct nft_element_list *found,
		  const struct nft_element *element);

/* Who went on sending to a port of UDP while it led nowhere would go on not reaching it:
 * called once @elements are there. */
void portmap_delete_udp(struct attachment *att, const struct nft_element_list *elements);

#endif
