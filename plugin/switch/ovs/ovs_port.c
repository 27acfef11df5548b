/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes ports and removes them. ovs_find.c asks what there is. */
#include "ovs_port.h"

#include <errno.h>
#include <string.h>

#include "conf/base/clock.h"

void ovs_vlans_add(struct ovs_vlans *vlans, uint32_t first, uint32_t last)
{
	for (uint32_t vlan = first; vlan <= last && vlan < OVS_VLANS_MAX; vlan++) {
		vlans->n += !ovs_vlans_have(vlans, vlan);
		vlans->bits[vlan / 64] |= UINT64_C(1) << vlan % 64;
	}
}

bool ovs_vlans_have(const struct ovs_vlans *vlans, uint32_t vlan)
{
	return vlan < OVS_VLANS_MAX && vlans->bits[vlan / 64] >> vlan % 64 & 1;
}

const char *ovs_vlan_mode(const struct ovs_port_vlans *vlans)
{
	if (vlans->tag < 0)
		return "trunk";
	return vlans->trunks.n ? "native-untagged" : "access";
}

/* No interface of the database may have the name, whoever it is. */
static void put_free_name(struct ovsdb_request *request, const char *name)
{
	ovsdb_begin_wait_gone(request, "Interface");
	ovsdb_where_text(request, "name", "==", name);
	ovsdb_end(request);
}

static void put_interface(struct ovsdb_request *request, const struct ovs_port_spec *spec)
{
	ovsdb_begin(request, "insert", "Interface");
	json_text(&request->json, "uuid-name", "interface");
	json_open(&request->json, "row", '{');
	json_text(&request->json, "name", spec->name);
	if (spec->ofport)
		json_number(&request->json, "ofport_request", spec->ofport);
	json_close(&request->json, '}');
	ovsdb_end(request);
}

static void put_vlans(struct ovsdb_request *request, const struct ovs_port_vlans *vlans)
{
	json_text(&request->json, "vlan_mode", ovs_vlan_mode(vlans));
	if (vlans->tag >= 0)
		json_number(&request->json, "tag", vlans->tag);
	if (vlans->trunks.n == 0)
		return;
	ovsdb_open_tagged(request, "trunks", "set");
	for (uint32_t vlan = 0; vlan < OVS_VLANS_MAX; vlan++)
		if (ovs_vlans_have(&vlans->trunks, vlan))
			json_number(&request->json, NULL, vlan);
	ovsdb_close_tagged(request);
}

/* The row that has ovs-vswitchd leave a port's queues alone. */
static void put_qos(struct ovsdb_request *request, const char *name)
{
	ovsdb_begin(request, "insert", "QoS");
	json_text(&request->json, "uuid-name", "qos");
	json_open(&request->json, "row", '{');
	json_text(&request->json, "type", "linux-noop");
	ovsdb_open_tagged(request, "external_ids", "map");
	ovsdb_put_map_entry(request, "owner", OVS_OWNER);
	ovsdb_put_map_entry(request, "port", name);
	ovsdb_close_tagged(request);
	json_close(&request->json, '}');
	ovsdb_end(request);
}

static void put_port(struct ovsdb_request *request, const struct ovs_port_spec *spec)
{
	ovsdb_begin(request, "insert", "Port");
	json_text(&request->json, "uuid-name", "port");
	json_open(&request->json, "row", '{');
	json_text(&request->json, "name", spec->name);
	ovsdb_put_pair(request, "interfaces", "named-uuid", "interface");
	if (spec->has_limits)
		ovsdb_put_pair(request, "qos", "named-uuid", "qos");
	put_vlans(request, spec->vlans);
	ovsdb_open_tagged(request, "external_ids", "map");
	ovsdb_put_map_entry(request, "owner", OVS_OWNER);
	ovsdb_put_map_entry(request, "network", spec->network);
	ovsdb_put_map_entry(request, "container", spec->container_id);
	ovsdb_put_map_entry(request, "contIface", spec->ifname);
	ovsdb_put_map_entry(request, "contNetns", spec->netns);
	ovsdb_close_tagged(request);
	json_close(&request->json, '}');
	ovsdb_end(request);
}

static void put_qos_delete(struct ovsdb_request *request, const char *name)
{
	ovsdb_begin(request, "delete", "QoS");
	ovsdb_where_map(request, "external_ids",
			(const char *const[]){"owner", OVS_OWNER, "port", name, NULL});
	ovsdb_end(request);
}

/* Carries out a transaction that takes things away. */
static int removal_run(struct ovsdb *db, struct ovsdb_request *request,
		       struct cni_error *err)
{
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply reply = {};
	int ret;

	ovs_daemon_put_call(request);
	ret = ovsdb_transact(db, request, &reply, err);
	return ret == OVSDB_REFUSED ? ovsdb_refused_error(&reply, "removing a port", err)
				    : ret;
}

int ovs_port_forget(struct ovsdb *db, const char *name, struct cni_error *err)
{
	struct ovsdb_request request = {};

	put_qos_delete(&request, name);
	return removal_run(db, &request, err);
}

/* The operations whose results are looked at. */
enum {
	ADD_WAIT,
	ADD_BRIDGE
};

int ovs_port_add(struct ovsdb *db, const struct ovs_port_spec *spec,
		 struct cni_error *err)
{
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply reply = {};
	struct ovsdb_request request = {};
	int64_t bridges = 0;
	int ret;

	put_free_name(&request, spec->name);
	ovsdb_begin(&request, "mutate", "Bridge");
	ovsdb_where_text(&request, "name", "==", spec->bridge);
	ovsdb_mutation(&request, "ports", "insert", "named-uuid", "port");
	ovsdb_end(&request);
	put_interface(&request, spec);
	put_port(&request, spec);
	if (spec->has_limits)
		put_qos(&request, spec->name);

	ret = ovsdb_transact(db, &request, &reply, err);
	if (ret < 0)
		return ret;
	if (ret == OVSDB_REFUSED && reply.refused == ADD_WAIT && ovsdb_timed_out(&reply))
		return OVS_PORT_EXISTS;
	if (ret == OVSDB_REFUSED)
		return ovsdb_refused_error(&reply, spec->name, err);
	/* Where no bridge has the port, the database drops it by itself. */
	ovsdb_count(&reply, ADD_BRIDGE, &bridges);
	return bridges == 1 ? OVS_PORT_DONE : OVS_PORT_NO_BRIDGE;
}

static int not_made(const char *name, struct cni_error *err)
{
	return error_set(err, CNI_ERR_TRY_AGAIN, ETIMEDOUT,
			 "%s: ovs-vswitchd has not made the port within %d seconds; does "
			 "it run?",
			 name, OVS_DAEMON_SECONDS);
}

/* Reads what ovs-vswitchd says of an interface whose ofport it has set. */
static int outcome_read(const char *name, const struct json_value *row,
			uint32_t *ret_ofport, struct cni_error *err)
{
	const char *error = ovsdb_text(row, "error");
	int64_t ofport = -1;

	if (!row)
		return error_set(err, CNI_ERR_TRY_AGAIN, ENOENT,
				 "%s: somebody has removed the port from Open vSwitch's "
				 "database meanwhile",
				 name);
	if (!ovsdb_integer(row, "ofport", &ofport) || ofport < 0 || error)
		return error_set(err, CNI_ERR_KERNEL, EIO,
				 "%s: ovs-vswitchd could not make the port: %s", name,
				 error ? error : "it does not say why");
	*ret_ofport = (uint32_t)ofport;
	return 0;
}

int ovs_port_await(struct ovsdb *db, const char *name, int64_t deadline_ms,
		   uint32_t *ret_ofport, struct cni_error *err)
{
	static const char *const columns[] = {"ofport", "error", NULL};
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply reply = {};
	struct ovsdb_request request = {};
	int64_t left = deadline_ms - now_ms();
	int ret;

	ovsdb_begin_wait_any(&request, "Interface", "ofport", left > 0 ? left : 0);
	ovsdb_where_text(&request, "name", "==", name);
	ovsdb_end(&request);
	ovsdb_begin(&request, "select", "Interface");
	ovsdb_where_text(&request, "name", "==", name);
	ovsdb_columns(&request, columns);
	ovsdb_end(&request);

	ret = ovsdb_transact(db, &request, &reply, err);
	if (ret < 0)
		return ret;
	if (ret == OVSDB_REFUSED)
		return ovsdb_timed_out(&reply) ? not_made(name, err)
					       : ovsdb_refused_error(&reply, name, err);
	return outcome_read(name, ovsdb_row(&reply, 1, 0), ret_ofport, err);
}

int ovs_port_remove(struct ovsdb *db, const char *name, const char *uuid,
		    struct cni_error *err)
{
	struct ovsdb_request request = {};

	ovsdb_begin(&request, "mutate", "Bridge");
	ovsdb_where_uuid(&request, "ports", "includes", uuid);
	ovsdb_mutation(&request, "ports", "delete", "uuid", uuid);
	ovsdb_end(&request);
	/* The database looks at references before it drops the port. */
	ovsdb_begin(&request, "update", "Port");
	ovsdb_where_uuid(&request, "_uuid", "==", uuid);
	json_open(&request.json, "row", '{');
	ovsdb_open_tagged(&request, "qos", "set");
	ovsdb_close_tagged(&request);
	json_close(&request.json, '}');
	ovsdb_end(&request);
	put_qos_delete(&request, name);
	return removal_run(db, &request, err);
}
