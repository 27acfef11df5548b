/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at a bridge's ports, and has the result in the bridge's alias. */
#include "bridge_alias.h"

#include <stdio.h>
#include <string.h>

#include "plugin/attachment/report.h"
#include "vlan.h"

#define BRIDGED	    "bridge-cni: bridged"
#define OTHER_PORTS ", other ports"

static const char *alias_text(bool other_ports)
{
	return other_ports ? BRIDGED OTHER_PORTS : BRIDGED;
}

/* Gives what the alias says; false: it is none of this program's. */
static bool alias_read(const char *alias, bool *ret_other_ports)
{
	*ret_other_ports = strcmp(alias, alias_text(true)) == 0;
	return *ret_other_ports || strcmp(alias, alias_text(false)) == 0;
}

bool bridge_alias_is_own(const char *alias)
{
	bool other_ports;

	return alias_read(alias, &other_ports);
}

/*
 * Is the port a pod's, or that of a VLAN's gateway? A pod's is a veth whose other end is
 * in another namespace, whichever plugin made it. Where a runtime insists on the node's
 * own namespace, and for the gateway's, the port's alias tells; the reference plugin's
 * gateway is known by its name.
 */
static int is_own(struct attachment *att, const struct link *port, bool *ret_own,
		  struct cni_error *err)
{
	struct link peer = {};
	int ret = 0;

	*ret_own = link_is(port, "veth") &&
		   (port->peer_elsewhere || strncmp(port->alias, LINK_ALIAS_PREFIX,
						    strlen(LINK_ALIAS_PREFIX)) == 0);
	if (*ret_own || !link_is(port, "veth"))
		return 0;
	ret = link_get_by_index(att->op->node.rtnl, port->peer, &peer, err);
	*ret_own = ret == 0 && vlan_is_of_bridge(att->bridge, &peer);
	return ret;
}

/* Has the bridge ports that are neither a pod's nor a gateway's? */
static int other_ports_find(struct attachment *att, unsigned int bridge, bool *ret_others,
			    struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list ports = {};
	int ret = link_list_get_ports(att->op->node.rtnl, bridge, &ports, err);
	bool others = false;

	for (size_t i = 0; ret == 0 && !others && i < ports.n; i++) {
		bool own = true;

		/* An old kernel tells of all links. */
		if (ports.items[i].master == bridge)
			ret = is_own(att, &ports.items[i], &own, err);
		others = !own;
	}
	if (ret == 0)
		*ret_others = others;
	return ret;
}

static void queue_alias(struct attachment *att, struct link *link, bool other_ports)
{
	snprintf(link->alias, sizeof(link->alias), "%s", alias_text(other_ports));
	queue_link_alias(att->op->node.rtnl, link->index, link->name, link->alias);
}

int bridge_alias_set(struct attachment *att, struct link *link, struct cni_error *err)
{
	bool others = false;
	int ret = other_ports_find(att, link->index, &others, err);

	if (ret == 0)
		queue_alias(att, link, others);
	return ret;
}

int bridge_alias_facts(struct attachment *att, const struct link *link,
		       struct cni_error *err)
{
	if (alias_read(link->alias, &att->bridge_has_other_ports))
		return 0;
	return other_ports_find(att, link->index, &att->bridge_has_other_ports, err);
}

int bridge_alias_settle(struct attachment *net, struct cni_error *err)
{
	struct netlink *nl = net->op->node.rtnl;
	bool others = false, told = false;
	struct link link;
	int ret = link_get(nl, net->bridge, &link, err);

	if (ret < 0 || !link_is(&link, "bridge") ||
	    (link.alias[0] && !alias_read(link.alias, &told)))
		return ret;
	ret = other_ports_find(net, link.index, &others, err);
	if (ret < 0 || (link.alias[0] && others == told))
		return ret;
	queue_alias(net, &link, others);
	ret = netlink_commit(nl, err);
	if (ret == 0)
		report_done(net, "bridge %s: its alias is \"%s\"", link.name, link.alias);
	return ret;
}

void bridge_alias_remove(struct attachment *net, const struct link *link)
{
	if (bridge_alias_is_own(link->alias))
		queue_link_alias(net->op->node.rtnl, link->index, link->name, "");
}
