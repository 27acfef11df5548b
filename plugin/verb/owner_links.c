/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells by names, aliases and MAC addresses, so that nothing has to be written down. */
#include "owner_links.h"

#include <string.h>

#include "conf/identity.h"
#include "plugin/nft/rules_owner.h"

bool link_is_of_pod(const struct attachment *net, const char *container_id,
		    const char *ifname, const struct link *link)
{
	char name[IF_NAMESIZE], ifb[IF_NAMESIZE];

	identity_host_ifname(net->network->name, container_id, ifname, name);
	identity_ifb(name, ifb);
	return strcmp(name, link->name) == 0 || strcmp(ifb, link->name) == 0;
}

bool link_is_of_holder(const struct attachment *net,
		       const struct ipam_holder_list *holders, const struct link *link)
{
	for (size_t i = 0; i < holders->n; i++)
		if (link_is_of_pod(net, holders->items[i].container_id,
				   holders->items[i].ifname, link))
			return true;
	return false;
}

/*
 * The alias says for which attachment the interface was made, and the MAC address for
 * which owner. Where they don't say that (an earlier version made the interface, or was
 * killed while it did), the interface belongs to the owner whose bridge has it.
 */
static bool is_made_for(const struct attachment *net, const struct link *link)
{
	struct alias_names names;

	if (identity_alias_read(link->alias, &names)) {
		if (strcmp(names.network, net->network->name) != 0)
			return false; /* Names of interfaces are hashes. */
		if (link_is_of_pod(net, names.container_id, names.ifname, link)) {
			if (rules_owner_made(net->owner, link, &names))
				return true;
			if (!rules_owner_made(identity_owner_by_name(net->network->name),
					      link, &names))
				return false;
		}
	}
	return !link->master ||
	       link->master == netlink_ifindex(net->op->node.rtnl, net->bridge);
}

bool link_is_of_owner(const struct attachment *net, const struct link *link)
{
	char veth[IF_NAMESIZE], ifb[IF_NAMESIZE];
	bool is_veth = link_is(link, "veth");
	const char *prefix = is_veth ? veth : ifb;
	size_t len;

	identity_host_ifname_prefix(net->network->name, veth);
	identity_ifb(veth, ifb);
	len = strlen(prefix);
	return (is_veth || link_is(link, "ifb")) &&
	       strncmp(link->name, prefix, len) == 0 &&
	       strlen(link->name) == len + HOST_IFNAME_POD_CHARS &&
	       is_made_for(net, link);
}
