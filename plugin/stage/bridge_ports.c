/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells the ports of a bridge apart, by what the kernel says of them and by records. */
#include "bridge_ports.h"

#include <string.h>

#include "conf/names.h"
#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/netlink/link.h"
#include "vlan.h"

enum port_kind {
	PORT_OTHER,
	PORT_POD,
	PORT_GATEWAY,
};

static bool has_own_alias(const struct link *port)
{
	return strncmp(port->alias, LINK_ALIAS_PREFIX, strlen(LINK_ALIAS_PREFIX)) == 0;
}

/*
 * A pod's port is a veth whose other end is in another namespace, whichever plugin made
 * it. Where a runtime insists on the node's own namespace the port's alias tells. A
 * VLAN's gateway is known by its name, as the reference plugin makes it, too.
 */
static int kind_find(struct attachment *att, const struct link *port,
		     enum port_kind *ret_kind, struct cni_error *err)
{
	struct link peer = {};
	int ret;

	*ret_kind = PORT_OTHER;
	if (!link_is(port, "veth"))
		return 0;
	*ret_kind = PORT_POD;
	if (port->peer_elsewhere)
		return 0;
	ret = link_get_by_index(att->op->node.rtnl, port->peer, &peer, err);
	if (ret == 0 && vlan_is_of_bridge(att->bridge, &peer))
		*ret_kind = PORT_GATEWAY;
	else if (!has_own_alias(port))
		*ret_kind = PORT_OTHER;
	return ret;
}

static void note(char ret_name[IF_NAMESIZE], const struct link *port)
{
	memcpy(ret_name, port->name, IF_NAMESIZE);
}

/* Notes an isolated pod by its record, which is in the store of its network. Only this
 * program makes routed pods, and its ports have an alias. */
static void isolated_note(struct attachment *att, const struct link *port,
			  struct bridge_ports *ports)
{
	_cleanup_(record_clear) struct record record = {};
	struct ipam_env env = att->ipam_env;
	struct alias_names names;
	struct pod pod;

	if (ports->bridged[0] || ports->routed[0])
		return;
	if (!identity_alias_read(port->alias, &names) || !cni_name_valid(names.network)) {
		note(has_own_alias(port) ? ports->unknown : ports->bridged, port);
		return;
	}
	env.network = names.network;
	pod_name_only(att->network, names.container_id, names.ifname, &pod);
	if (ipam_record_read(&env, &pod, &record, NULL) != 0)
		note(ports->unknown, port);
	else
		note(record.routed[0] ? ports->routed : ports->bridged, port);
}

static int port_note(struct attachment *att, const struct link *port,
		     struct bridge_ports *ports, struct cni_error *err)
{
	enum port_kind kind;
	int ret = kind_find(att, port, &kind, err);

	if (ret < 0)
		return ret;
	if (kind == PORT_OTHER)
		note(ports->other, port);
	else if (kind == PORT_POD && port->port.isolated)
		isolated_note(att, port, ports);
	else if (kind == PORT_POD)
		note(ports->bridged, port);
	return 0;
}

int bridge_ports_look(struct attachment *att, unsigned int bridge,
		      struct bridge_ports *ret_ports, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	struct bridge_ports ports = {};
	int ret = link_list_get_ports(att->op->node.rtnl, bridge, &links, err);

	for (size_t i = 0; ret == 0 && i < links.n; i++)
		/* An old kernel tells of all links. */
		if (links.items[i].master == bridge)
			ret = port_note(att, &links.items[i], &ports, err);
	if (ret == 0)
		*ret_ports = ports;
	return ret;
}
