/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the host's end of the veth a port of the bridge, by Open vSwitch's database. The end
 * is there before the port, and DEL removes the port first: ovs-vswitchd never has a port
 * without an interface for long.
 */
#include <errno.h>
#include <string.h>

#include "conf/base/clock.h"
#include "ovs.h"
#include "plugin/attachment/report.h"
#include "plugin/attachment/unlocked.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/tx_checksum.h"
#include "plugin/stage/stages.h"

/* The VLANs that the configuration asks for. */
static struct ovs_port_vlans vlans_of(const struct network *network)
{
	struct ovs_port_vlans vlans = {.tag = network->vlan_set ? (int)network->vlan
								: -1};

	for (size_t i = 0; i < network->ovs.trunk.n; i++) {
		const struct vlan_trunk *trunk = &network->ovs.trunk.items[i];

		if (trunk->id_set)
			ovs_vlans_add(&vlans.trunks, trunk->id, trunk->id);
		if (trunk->min_id)
			ovs_vlans_add(&vlans.trunks, trunk->min_id, trunk->max_id);
	}
	return vlans;
}

static bool is_own(const struct attachment *att, const struct ovs_port *port)
{
	return ovs_port_is_of(port, att->network->name, att->pod->container_id,
			      att->pod->ifname);
}

/* The database has the name. It is what a killed ADD, or a DEL without the database, has left
 * of this attachment; or it is somebody else's. */
static int leftover_remove(struct attachment *att, struct ovsdb *db,
			   struct cni_error *err)
{
	_cleanup_(ovs_port_clear) struct ovs_port port = {};
	const char *name = att->pod->host_ifname;
	int ret = ovs_port_find(db, name, &port, err);

	if (ret < 0)
		return ret;
	if (port.row && is_own(att, &port))
		return ovs_port_remove(db, name, port.uuid, err);
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "%s: Open vSwitch has an interface of that name, and it is not "
			 "this attachment's; remove its port (ovs-vsctl del-port %s)",
			 name, name);
}

/* Returns OVS_PORT_DONE, OVS_PORT_EXISTS, or an error. */
static int port_insert(struct attachment *att, struct ovsdb *db, struct cni_error *err)
{
	const struct ovs_port_vlans vlans = vlans_of(att->network);
	const struct bandwidth *rates = &att->pod->bandwidth;
	const struct ovs_port_spec spec = {
		.bridge = att->bridge,
		.name = att->pod->host_ifname,
		.network = att->network->name,
		.container_id = att->pod->container_id,
		.ifname = att->pod->ifname,
		.netns = att->pod->netns,
		.vlans = &vlans,
		.ofport = att->network->ovs.ofport_request,
		.has_limits = rates->ingress.rate || rates->egress.rate,
	};
	int ret = ovs_port_add(db, &spec, err);

	if (ret == OVS_PORT_NO_BRIDGE)
		return error_set(err, CNI_ERR_TRY_AGAIN, ENODEV,
				 "bridge: %s was removed from Open vSwitch while a pod "
				 "was being attached to it",
				 att->bridge);
	return ret;
}

static int anothers_port(const struct attachment *att, struct cni_error *err)
{
	return error_set(err, CNI_ERR_TRY_AGAIN, EEXIST,
			 "%s: somebody else adds this interface to Open vSwitch",
			 att->pod->host_ifname);
}

static int own_remove(struct attachment *att, struct ovsdb *db, struct cni_error *err)
{
	_cleanup_(ovs_port_clear) struct ovs_port port = {};
	const char *name = att->pod->host_ifname;
	int ret = ovs_port_find(db, name, &port, err);

	if (ret == 0 && !port.row)
		return ovs_port_forget(db, name, err);
	/* Another attachment may have the name by chance, as names are hashes. */
	if (ret < 0 || !is_own(att, &port))
		return ret;
	return ovs_port_remove(db, name, port.uuid, err);
}

/* Takes the attachment's port away, if there is one. */
static int port_drop(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	int ret = ovs_open(att, &db, err);

	if (ret == 0)
		ret = own_remove(att, &db, err);
	if (ret < 0)
		error_wrap(err,
			   "the port %s may be left in Open vSwitch; the next DEL or GC "
			   "removes it",
			   att->pod->host_ifname);
	return ret;
}

/* Without a record there has been no port, but for one whose record somebody deleted: GC
 * finds that. So a database that isn't there is no reason to fail. */
static int ovs_port_del(struct attachment *att, struct cni_error *err)
{
	int ret = port_drop(att, att->record ? err : NULL);

	return att->record ? ret : 0;
}

static int daemon_await(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	struct ovs_progress progress;
	int64_t began = now_ms();
	int ret = ovs_open(att, &db, err);

	if (ret == 0)
		ret = ovs_daemon_progress(&db, &progress, err);
	if (ret == 0)
		ret = ovs_daemon_await(&db, &progress, began + att->switch_wait_ms, err);
	/* The node lock, which is waited for next, may take as long. */
	att->switch_wait_ms -= now_ms() - began;
	return ret;
}

/* Waits until ovs-vswitchd has seen all ports go that were removed so far: this attachment may
 * have had one of the same name (ovs_port_add()). Waiting is done without the node lock, which
 * others may want exclusively while ovs-vswitchd does not answer. */
static int removals_await(struct attachment *att, struct ovsdb *db, struct cni_error *err)
{
	struct ovs_progress progress;
	int ret = ovs_daemon_progress(db, &progress, err);

	if (ret < 0 || ovs_progress_is_done(&progress))
		return ret;
	ret = unlocked_run(att, NODE_SHARED, daemon_await, err);
	return ret < 0 ? ret : unlocked_check(att, "ovs-vswitchd was waited for", err);
}

static int port_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	int ret = ovs_open(att, &db, err);

	if (ret == 0)
		ret = removals_await(att, &db, err);
	if (ret == 0)
		ret = port_insert(att, &db, err);
	if (ret != OVS_PORT_EXISTS)
		return ret;
	ret = leftover_remove(att, &db, err);
	if (ret == 0)
		ret = removals_await(att, &db, err);
	if (ret == 0)
		ret = port_insert(att, &db, err);
	return ret == OVS_PORT_EXISTS ? anothers_port(att, err) : ret;
}

static int port_await(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	uint32_t asked = att->network->ovs.ofport_request, got = 0;
	int ret = ovs_open(att, &db, err);

	if (ret == 0)
		ret = ovs_port_await(&db, att->pod->host_ifname,
				     now_ms() + att->switch_wait_ms, &got, err);
	if (ret == 0 && asked && got != asked)
		notice(&att->op->notices,
		       "ofport_request: %s has the OpenFlow port %u, as %u is another "
		       "port's",
		       att->pod->host_ifname, got, asked);
	return ret;
}

/* ovs-vswitchd writes the flags of an interface by what it knew of the name before. After a
 * port of the same attachment was removed a moment ago, the new interface may be down. */
static int host_end_up(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	struct link host = {};
	int ret = link_get(nl, att->pod->host_ifname, &host, err);

	if (ret < 0 || host.up || !host.index)
		return ret;
	queue_link_up(nl, host.index, host.name);
	return netlink_commit(nl, err);
}

/* Waits without the node lock, as removals_await(). */
static int port_await_unlocked(struct attachment *att, struct cni_error *err)
{
	int ret = unlocked_run(att, NODE_SHARED, port_await, err);

	if (ret == 0)
		ret = unlocked_check(att, "ovs-vswitchd made the port", err);
	return ret < 0 ? ret : host_end_up(att, err);
}

/* After an error: an answer that was lost says nothing of whether the port was added, and the
 * connection may be of no use any more. */
static _noinline_ void port_undo(struct attachment *att, struct cni_error *err)
{
	struct cni_error own = {};

	att->op->switch_is_silent = false; /* it may answer by now */
	if (port_drop(att, &own) < 0)
		error_details(err, "%s", own.msg);
}

static int checksum_off(void *data, struct cni_error *err)
{
	return tx_checksum_off(data, err);
}

/* Has the pod's end fill in checksums, where the switch hands frames on as they are. */
static int checksums_settle(struct attachment *att, struct cni_error *err)
{
	return att->switch_is_bare
		       ? pod_ns_run(&att->op->node, att->pod_ns.fd, checksum_off,
				    (void *)att->pod->ifname, err)
		       : 0;
}

static int ovs_port_stage_add(struct attachment *att, struct cni_error *err)
{
	int ret = checksums_settle(att, err);

	if (ret < 0)
		return ret;
	att->switch_wait_ms = OVS_DAEMON_SECONDS * 1000;
	ret = port_add(att, err);
	if (ret == 0)
		ret = port_await_unlocked(att, err);
	if (ret < 0)
		port_undo(att, err);
	return ret;
}

/* Says in which way the port is not as ADD made it; NULL: in none. */
static const char *lack_of(const struct attachment *att, const struct ovs_port *port)
{
	const struct ovs_port_vlans vlans = vlans_of(att->network);

	if (!port->row)
		return "a port of Open vSwitch";
	if (!is_own(att, port))
		return "its own external_ids";
	if (!ovs_port_is_in(port, &vlans))
		return "the VLANs of the configuration";
	return NULL;
}

static int port_compare(struct attachment *att, struct ovsdb *db, const char **ret_lacks,
			struct cni_error *err)
{
	_cleanup_(ovs_port_clear) struct ovs_port port = {};
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply reply = {};
	const char *bridge = att->bridge;
	int ret = ovs_port_find(db, att->pod->host_ifname, &port, err);

	if (ret == 0 && port.row)
		ret = ovs_port_bridge(db, port.uuid, &reply, &bridge, err);
	if (ret < 0)
		return ret;
	*ret_lacks = bridge && strcmp(bridge, att->bridge) == 0
			     ? lack_of(att, &port)
			     : "its port on the bridge";
	if (!*ret_lacks && ovs_port_has_failed(&port))
		*ret_lacks = "a port that ovs-vswitchd could make";
	return 0;
}

static int checksum_check(void *data, struct cni_error *err)
{
	bool on = false;
	int ret = tx_checksum_get(data, &on, err);

	if (ret < 0 || !on)
		return ret;
	return error_set(
		err, CNI_ERR_CHECK, EINVAL,
		"%s: expected tx checksumming off, as Open vSwitch's datapath in "
		"user space fills in no checksums, found it on",
		(const char *)data);
}

static int daemon_ask(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	int ret = ovs_open(att, &db, err);

	return ret < 0 ? ret : ovs_daemon_ask(&db, err);
}

static int ovs_port_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	const char *lacks = NULL;
	int ret = ovs_open(att, &db, err);

	if (ret == 0)
		ret = port_compare(att, &db, &lacks, err);
	if (ret == 0 && lacks)
		return error_set(err, CNI_ERR_CHECK, EINVAL,
				 "%s: expected it to have, on the bridge %s, %s",
				 att->pod->host_ifname, att->bridge, lacks);
	if (ret == 0 && att->switch_is_bare)
		ret = pod_ns_run(&att->op->node, att->pod_ns.fd, checksum_check,
				 (void *)att->pod->ifname, err);
	/* The database says the same whether ovs-vswitchd runs or not. */
	return ret < 0 ? ret : unlocked_run(att, NODE_SHARED, daemon_ask, err);
}

/* Makes the port anew where it isn't as ADD made it. Whether ovs-vswitchd answers is asked
 * once for all, by ovs_bridge.c. */
static int ovs_port_repair(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	const char *lacks = NULL;
	int ret = 0;

	if (!netlink_ifindex(att->op->node.rtnl, att->pod->host_ifname))
		return 0;
	ret = ovs_open(att, &db, err);
	if (ret == 0)
		ret = port_compare(att, &db, &lacks, err);
	if (ret < 0 || !lacks)
		return ret;
	ret = own_remove(att, &db, err);
	if (ret == 0)
		ret = port_insert(att, &db, err);
	if (ret == OVS_PORT_EXISTS) {
		ret = leftover_remove(att, &db, err);
		ret = ret < 0 ? ret : anothers_port(att, err);
	}
	if (ret == 0)
		report_done(att, "%s has %s again", att->pod->host_ifname, lacks);
	return ret;
}

const struct stage stage_ovs_port = {
	.name = "ovs_port",
	.switches = SWITCH_BIT(SWITCH_OVS),
	.add = ovs_port_stage_add,
	.check = ovs_port_check,
	.del = ovs_port_del,
	.repair = ovs_port_repair,
	.show = ovs_port_show,
};
