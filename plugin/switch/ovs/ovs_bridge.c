/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bridge of Open vSwitch that pods are attached to. Its administrator makes it; here it
 * only gets the gateway's addresses, by which it has to be up.
 */
#include <errno.h>
#include <stdio.h>

#include "ovs.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/link.h"
#include "plugin/node/accept_ra.h"
#include "plugin/stage/facts.h"
#include "plugin/stage/stages.h"

static int missing(const struct attachment *att, int code, struct cni_error *err)
{
	return error_set(err, code, ENODEV,
			 "bridge: Open vSwitch has no bridge %s; make it (ovs-vsctl "
			 "add-br %s), or name another one",
			 att->bridge, att->bridge);
}

/* Finds the bridge in the database, and the interface that it has of its own. @code: where
 * either is missing. */
static int find(struct attachment *att, struct ovsdb *db, int code,
		struct ovs_bridge *ret_bridge, struct link *ret_link,
		struct cni_error *err)
{
	int ret = ovs_bridge_find(db, att->bridge, ret_bridge, err);

	if (ret < 0)
		return ret;
	if (!ret_bridge->is_there)
		return missing(att, code, err);
	ret = link_get(att->op->node.rtnl, att->bridge, ret_link, err);
	if (ret == 0 && !ret_link->index)
		return error_set(err, code, ENODEV,
				 "bridge: the node has no interface %s, though Open "
				 "vSwitch's database has that bridge; does ovs-vswitchd "
				 "run?",
				 att->bridge);
	if (ret == 0 && link_is(ret_link, "bridge"))
		return error_set(err, CNI_ERR_EXISTS, EEXIST,
				 "bridge: %s is a Linux bridge, though Open vSwitch's "
				 "database has a bridge of that name",
				 att->bridge);
	return ret;
}

static void facts_fill(struct attachment *att, const struct ovs_bridge *bridge,
		       const struct link *link)
{
	att->port_is_foreign = true;
	att->switch_is_bare = bridge->in_user_space;
	att->bridge_index = link->index;
	att->bridge_mac = link->mac;
	att->bridge_mtu = link->mtu;
	att->bridge_ipv6 = link->ipv6.accept_ra >= 0;
	/* Whoever made the bridge decides what else is a port of it. */
	att->bridge_has_other_ports = true;
	snprintf(att->gateway_ifname, sizeof(att->gateway_ifname), "%s", link->name);
	att->gateway_index = link->index;
	att->gateway_forwards = link->ipv4.forwarding != 0;
	att->gateway_localnet = link->ipv4.route_localnet;
}

/* In user space frames are taken from the port before the kernel's traffic control sees
 * them. */
static int rate_refuse(const struct attachment *att, const struct ovs_bridge *bridge,
		       struct cni_error *err)
{
	if (!bridge->in_user_space || !att->pod->bandwidth.egress.rate)
		return 0;
	return error_set(err, CNI_ERR_UNSUPPORTED_FIELD, ENOTSUP,
			 "egressRate: can't be served on %s, whose datapath_type is "
			 "\"netdev\": Open vSwitch takes what the pod sends before it "
			 "could be limited; remove the key",
			 att->bridge);
}

/* The interface that gets the gateway's addresses has to be up, and must not take routes
 * from a pod. */
static int gateway_prepare(struct attachment *att, struct link *link,
			   struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	int ret;

	if (!att->network->is_gateway || (link->up && accept_ra_is_off(link)))
		return 0;
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = accept_ra_off(link, err);
	if (ret < 0)
		return ret;
	queue_link_up(nl, link->index, link->name);
	ret = netlink_commit(nl, err);
	if (ret == 0)
		ipam_note_owner(&att->ipam_env, att->network);
	if (ret == 0 && !link->up)
		report_done(att, "bridge %s: up", att->bridge);
	return ret;
}

static void secure_tell(struct attachment *att, const struct ovs_bridge *bridge)
{
	if (bridge->is_secure && !attachment_is_repaired(att))
		notice(&att->op->notices,
		       "bridge %s of Open vSwitch has fail_mode \"secure\": frames of "
		       "pods pass only by flows that %s",
		       att->bridge,
		       bridge->has_controller ? "its controller adds"
					      : "somebody adds, as it has no controller");
}

/* Takes away ports of pods that are gone, which a reboot has left. This pod needs its own port
 * alone, so an error is only told. */
static _noinline_ void dead_ports_clear(struct attachment *att, struct ovsdb *db)
{
	struct cni_error err = {};
	size_t n;

	if (ovs_dead_ports_remove(att, db, &n, &err) < 0)
		notice(&att->op->notices,
		       "ports of pods that are gone are left in Open vSwitch: %s",
		       err.msg);
}

static int look(struct attachment *att, struct ovsdb *db, struct cni_error *err)
{
	_cleanup_(ovs_bridge_clear) struct ovs_bridge bridge = {};
	struct link link = {};
	int ret = find(att, db, CNI_ERR_TRY_AGAIN, &bridge, &link, err);

	if (ret == 0)
		ret = rate_refuse(att, &bridge, err);
	if (ret == 0)
		ret = gateway_prepare(att, &link, err);
	if (ret < 0)
		return ret;
	facts_fill(att, &bridge, &link);
	secure_tell(att, &bridge);
	if (!attachment_is_repaired(att))
		dead_ports_clear(att, db);
	return 0;
}

static int ovs_bridge_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	int ret;

	/* The socket of a dead pod's record may have been another one. */
	if (!attachment_is_repaired(att))
		att->op->switch_is_silent = false;
	ret = ovs_open(att, &db, err);
	return ret < 0 ? ret : look(att, &db, err);
}

static int ovs_bridge_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	_cleanup_(ovs_bridge_clear) struct ovs_bridge bridge = {};
	struct link link = {};
	int ret = ovs_open(att, &db, err);

	if (ret == 0)
		ret = find(att, &db, CNI_ERR_CHECK, &bridge, &link, err);
	if (ret < 0)
		return ret;
	facts_fill(att, &bridge, &link);
	return !att->network->is_gateway || link.up
		       ? 0
		       : error_set(err, CNI_ERR_CHECK, ENETDOWN,
				   "bridge: expected %s up, found it down; `bridge-cni "
				   "repair` sets it up",
				   att->bridge);
}

/* Would the next ADD find the bridge? ovs-vswitchd isn't asked whether it answers, as that
 * would have it look at all of its configuration. */
static int ovs_bridge_status(struct attachment *net, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	_cleanup_(ovs_bridge_clear) struct ovs_bridge bridge = {};
	struct link link = {};
	int ret = ovs_open(net, &db, err);

	if (ret == 0)
		ret = netlink_open(NETLINK_FOR_ROUTE, &net->op->node.rtnl, err);
	if (ret == 0)
		ret = find(net, &db, CNI_ERR_UNAVAILABLE, &bridge, &link, err);
	operation_close(net->op);
	if (ret < 0)
		error_recode(err, CNI_ERR_UNAVAILABLE);
	return ret;
}

static int ovs_bridge_sweep(struct attachment *net, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;
	size_t n = 0;
	int ret = ovs_open(net, &db, err);

	if (ret == 0)
		ret = ovs_lost_ports_remove(net, &db, &n, err);
	if (ret == 0 && n > 0)
		report_done(net,
			    "ports of pods that are gone: %zu removed from Open vSwitch",
			    n);
	return ret;
}

/* A database that isn't there was told of by what is done under the lock. */
static int ovs_bridge_repair_unlocked(struct attachment *net, struct cni_error *err)
{
	_cleanup_(ovsdb_close) struct ovsdb db = OVSDB_CLOSED;

	return ovs_open(net, &db, NULL) < 0 ? 0 : ovs_daemon_ask(&db, err);
}

const struct stage stage_ovs_bridge = {
	.name = "ovs_bridge",
	.switches = SWITCH_BIT(SWITCH_OVS),
	.add = ovs_bridge_add,
	.check = ovs_bridge_check,
	.status = ovs_bridge_status,
	.sweep = ovs_bridge_sweep,
	.repair_shared = ovs_bridge_sweep,
	.repair = ovs_bridge_add,
	.repair_unlocked = ovs_bridge_repair_unlocked,
};
