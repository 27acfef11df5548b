/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of switches' answers, with those of attachments that have a veth pair. */
#include "switch.h"

#include <string.h>

#include "conf/identity.h"
#include "plugin/netlink/link.h"
#include "macvlan_alive.h"

static bool veth_is_there(struct node *node, const struct record *record)
{
	char host_ifname[IF_NAMESIZE];

	identity_host_ifname(record->network, record->container_id, record->ifname,
			     host_ifname);
	return netlink_ifindex(node->rtnl, host_ifname) != 0;
}

static bool veth_is_renamed(struct node *node, const struct record *record)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	char alias[LINK_ALIAS_MAX];
	bool found = link_list_get(node->rtnl, &links, NULL) < 0;

	identity_alias(record->network, record->container_id, record->ifname, alias);
	/* The ifb of an attachment outlives its veth and has the same alias. */
	for (size_t i = 0; i < links.n; i++)
		found = found || (strcmp(links.items[i].alias, alias) == 0 &&
				  !link_is(&links.items[i], "ifb"));
	return found;
}

static const struct switch_liveness veth = {
	.has_host_end = true,
	.has_interface = veth_is_there,
	.has_renamed = veth_is_renamed,
};

static const struct switch_liveness *const switches[SWITCH_KINDS] = {
	[SWITCH_BRIDGE] = &veth,
	[SWITCH_OVS] = &veth,
	[SWITCH_MACVLAN] = &macvlan_liveness,
	[SWITCH_IPVLAN] = &macvlan_liveness,
};

const struct switch_liveness *switch_liveness(enum switch_kind kind)
{
	return switches[kind];
}
