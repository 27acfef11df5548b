/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells the interfaces on the node that were made for attachments of an owner
 * (identity_owner()). */
#ifndef BRIDGE_CNI_PLUGIN_VERB_OWNER_LINKS_H
#define BRIDGE_CNI_PLUGIN_VERB_OWNER_LINKS_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/* Is it the host's end of a veth pair, or the ifb beside one, of some attachment of
 * @net's owner? */
bool link_is_of_owner(const struct attachment *net, const struct link *link);

/* Has it the name of one of the two that this attachment of @net's network has? */
bool link_is_of_pod(const struct attachment *net, const char *container_id,
		    const char *ifname, const struct link *link);

/* Has it such a name of one of these attachments of @net's network? */
bool link_is_of_holder(const struct attachment *net,
		       const struct ipam_holder_list *holders, const struct link *link);

#endif
