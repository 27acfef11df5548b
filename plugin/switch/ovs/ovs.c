/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ovs.h"

#include <string.h>

#include "ipam/store/record.h"
#include "plugin/netlink/link.h"

int ovs_open(const struct attachment *att, struct ovsdb *ret_db, struct cni_error *err)
{
	const char *socket = att->network->ovs.socket;

	if (att->record && att->record->ovs_socket && *att->record->ovs_socket)
		socket = att->record->ovs_socket;
	/* A configuration that names another switch by now, and an attachment without a
	 * record. */
	return ovsdb_open(socket ? socket : DEFAULT_OVS_SOCKET,
			  &att->op->switch_is_silent, ret_db, err);
}

/* The interface is looked for once the port's UUID is known: an ADD that has made it anew
 * meanwhile has given the port another UUID, too. */
static int dead_remove(struct attachment *net, struct ovsdb *db, const char *name,
		       size_t *n, struct cni_error *err)
{
	_cleanup_(ovs_port_clear) struct ovs_port port = {};
	int ret = ovs_port_find(db, name, &port, err);

	if (ret < 0 || !ovs_port_is_ours(&port) ||
	    netlink_ifindex(net->op->node.rtnl, name))
		return ret;
	ret = ovs_port_remove(db, name, port.uuid, err);
	*n += ret == 0;
	return ret;
}

int ovs_dead_ports_remove(struct attachment *net, struct ovsdb *db, size_t *ret_n,
			  struct cni_error *err)
{
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply dead = {};
	int ret = ovs_dead_interfaces(db, &dead, err);
	size_t n = 0;

	for (size_t i = 0; ret == 0 && i < ovs_dead_count(&dead); i++) {
		const char *name = ovs_dead_name(&dead, i);

		/* The database need not be asked about an interface that is there. */
		if (name && !netlink_ifindex(net->op->node.rtnl, name))
			ret = dead_remove(net, db, name, &n, err);
	}
	if (ret == 0)
		*ret_n = n;
	return ret;
}

int ovs_lost_ports_remove(struct attachment *net, struct ovsdb *db, size_t *ret_n,
			  struct cni_error *err)
{
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply ports = {};
	int ret = ovs_ports_of_network(db, net->network->name, &ports, err);
	size_t n = 0;

	for (size_t i = 0; ret == 0 && i < ovsdb_rows(&ports, 0); i++) {
		const struct json_value *row = ovsdb_row(&ports, 0, i);
		const char *name = ovsdb_text(row, "name");
		const char *uuid = ovsdb_uuid(row, "_uuid");

		if (!name || !uuid || netlink_ifindex(net->op->node.rtnl, name))
			continue;
		ret = ovs_port_remove(db, name, uuid, err);
		n += ret == 0;
	}
	if (ret == 0)
		*ret_n = n;
	return ret;
}
