/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the database what there is. */
#include <errno.h>
#include <string.h>

#include "ovs_port.h"

/* Carries out a transaction that only asks. */
static int ask(struct ovsdb *db, struct ovsdb_request *request,
	       struct ovsdb_reply *ret_reply, struct cni_error *err)
{
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply reply = {};
	int ret = ovsdb_transact(db, request, &reply, err);

	if (ret == OVSDB_REFUSED)
		return ovsdb_refused_error(&reply, "a question", err);
	if (ret < 0)
		return ret;
	*ret_reply = reply;
	reply = (struct ovsdb_reply){};
	return 0;
}

static void put_select(struct ovsdb_request *request, const char *table,
		       const char *column, const char *value, const char *const *columns)
{
	ovsdb_begin(request, "select", table);
	ovsdb_where_text(request, column, "==", value);
	ovsdb_columns(request, columns);
	ovsdb_end(request);
}

void ovs_bridge_clear(struct ovs_bridge *bridge)
{
	ovsdb_reply_clear(&bridge->reply);
}

static bool text_is(const struct json_value *row, const char *column, const char *text)
{
	const char *value = ovsdb_text(row, column);

	return value && strcmp(value, text) == 0;
}

int ovs_bridge_find(struct ovsdb *db, const char *name, struct ovs_bridge *ret_bridge,
		    struct cni_error *err)
{
	static const char *const columns[] = {"datapath_type", "fail_mode", "controller",
					      NULL};
	struct ovs_bridge bridge = {};
	struct ovsdb_request request = {};
	const struct json_value *row;
	int ret;

	put_select(&request, "Bridge", "name", name, columns);
	ret = ask(db, &request, &bridge.reply, err);
	if (ret < 0)
		return ret;
	row = ovsdb_row(&bridge.reply, 0, 0);
	bridge.is_there = row != NULL;
	bridge.in_user_space = text_is(row, "datapath_type", "netdev");
	bridge.is_secure = text_is(row, "fail_mode", "secure");
	bridge.has_controller = ovsdb_set_count(row, "controller") > 0;
	*ret_bridge = bridge;
	return 0;
}

void ovs_port_clear(struct ovs_port *port)
{
	ovsdb_reply_clear(&port->reply);
}

int ovs_port_find(struct ovsdb *db, const char *name, struct ovs_port *ret_port,
		  struct cni_error *err)
{
	static const char *const port_columns[] = {"_uuid",	"tag",		"trunks",
						   "vlan_mode", "external_ids", NULL};
	static const char *const interface_columns[] = {"ofport", "error", "ifindex",
							NULL};
	struct ovs_port port = {};
	struct ovsdb_request request = {};
	int ret;

	put_select(&request, "Port", "name", name, port_columns);
	put_select(&request, "Interface", "name", name, interface_columns);
	ret = ask(db, &request, &port.reply, err);
	if (ret < 0)
		return ret;
	port.row = ovsdb_row(&port.reply, 0, 0);
	port.interface = ovsdb_row(&port.reply, 1, 0);
	port.uuid = ovsdb_uuid(port.row, "_uuid");
	if (port.row && !port.uuid) {
		ovs_port_clear(&port);
		return error_set(err, CNI_ERR_KERNEL, EPROTO,
				 "%s: Open vSwitch's database has a port without a UUID",
				 name);
	}
	*ret_port = port;
	return 0;
}

static bool id_is(const struct ovs_port *port, const char *key, const char *text)
{
	const char *value = ovsdb_map_text(port->row, "external_ids", key);

	return value && strcmp(value, text) == 0;
}

bool ovs_port_is_ours(const struct ovs_port *port)
{
	return port->row && id_is(port, "owner", OVS_OWNER);
}

bool ovs_port_has_failed(const struct ovs_port *port)
{
	int64_t ofport = 0;

	return ovsdb_text(port->interface, "error") ||
	       (ovsdb_integer(port->interface, "ofport", &ofport) && ofport < 0);
}

int ovs_port_bridge(struct ovsdb *db, const char *uuid, struct ovsdb_reply *ret_reply,
		    const char **ret_name, struct cni_error *err)
{
	static const char *const columns[] = {"name", NULL};
	struct ovsdb_request request = {};
	int ret;

	ovsdb_begin(&request, "select", "Bridge");
	ovsdb_where_uuid(&request, "ports", "includes", uuid);
	ovsdb_columns(&request, columns);
	ovsdb_end(&request);
	ret = ask(db, &request, ret_reply, err);
	if (ret == 0)
		*ret_name = ovsdb_text(ovsdb_row(ret_reply, 0, 0), "name");
	return ret;
}

bool ovs_port_is_of(const struct ovs_port *port, const char *network,
		    const char *container_id, const char *ifname)
{
	return ovs_port_is_ours(port) && id_is(port, "network", network) &&
	       id_is(port, "container", container_id) && id_is(port, "contIface", ifname);
}

bool ovs_port_is_in(const struct ovs_port *port, const struct ovs_port_vlans *vlans)
{
	size_t n = ovsdb_set_count(port->row, "trunks");
	int64_t tag = -1;

	if (!text_is(port->row, "vlan_mode", ovs_vlan_mode(vlans)) ||
	    n != vlans->trunks.n)
		return false;
	if (!ovsdb_integer(port->row, "tag", &tag))
		tag = -1;
	for (size_t i = 0; i < n; i++) {
		int64_t vlan;

		if (!ovsdb_set_integer(port->row, "trunks", i, &vlan) || vlan < 0 ||
		    vlan >= OVS_VLANS_MAX || !ovs_vlans_have(&vlans->trunks, vlan))
			return false;
	}
	return tag == vlans->tag;
}

/* ovs-vswitchd says so of an interface that it doesn't find when it starts; and of one
 * that went while it ran, that its index is 0. */
int ovs_dead_interfaces(struct ovsdb *db, struct ovsdb_reply *ret_reply,
			struct cni_error *err)
{
	static const char *const columns[] = {"name", NULL};
	struct ovsdb_request request = {};

	ovsdb_begin(&request, "select", "Interface");
	ovsdb_where_any(&request, "error");
	ovsdb_columns(&request, columns);
	ovsdb_end(&request);
	ovsdb_begin(&request, "select", "Interface");
	ovsdb_where_number(&request, "ifindex", "==", 0);
	ovsdb_columns(&request, columns);
	ovsdb_end(&request);
	return ask(db, &request, ret_reply, err);
}

size_t ovs_dead_count(const struct ovsdb_reply *reply)
{
	return ovsdb_rows(reply, 0) + ovsdb_rows(reply, 1);
}

const char *ovs_dead_name(const struct ovsdb_reply *reply, size_t index)
{
	size_t first = ovsdb_rows(reply, 0);
	size_t operation = index >= first;

	return ovsdb_text(ovsdb_row(reply, operation, operation ? index - first : index),
			  "name");
}

int ovs_ports_of_network(struct ovsdb *db, const char *network,
			 struct ovsdb_reply *ret_reply, struct cni_error *err)
{
	static const char *const columns[] = {"name", "_uuid", NULL};
	struct ovsdb_request request = {};

	ovsdb_begin(&request, "select", "Port");
	ovsdb_where_map(&request, "external_ids",
			(const char *const[]){"owner", OVS_OWNER, "network", network,
					      NULL});
	ovsdb_columns(&request, columns);
	ovsdb_end(&request);
	return ask(db, &request, ret_reply, err);
}
