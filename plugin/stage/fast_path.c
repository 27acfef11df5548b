/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fastPath: packets of established connections between pods and the outside don't go
 * through the node's rules and routes one by one. The kernel has the connections in a
 * flowtable, and sends such a packet on as soon as the gateway's interface or an uplink
 * has it, translated as its connection is.
 *
 * One rule a network puts a connection into the flowtable. It stands behind the rules of
 * everybody else, who may drop a packet until then. The gateway's interface, and no port,
 * is the device: a frame has been judged by the bridge and its rules before it is there,
 * and what goes to a pod passes the bridge and the port's bucket. Packets between networks
 * and by tunnels go the usual way, as other rules have to see each of them.
 *
 * Nothing is a pod's own. A DEL has the kernel forget the pod's connections (conntrack.c),
 * and what it forgets is in no flowtable any more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/attachment/report.h"
#include "plugin/nft/flowtable.h"
#include "plugin/nft/nft.h"
#include "plugin/nft/rules.h"
#include "plugin/node/node.h"
#include "facts.h"
#include "fast_path_devices.h"
#include "stages.h"

/* A connection of fewer packets isn't worth an entry. */
#define PACKETS_BEFORE 20

/* Behind all others': what they drop doesn't get so far. */
static const struct rules_chain chain_fast_path = {
	.name = "fast_path",
	.hook = "type filter hook forward priority 1000",
};

/* Adds the names, with commas between them. */
static void names_add(const struct devices *devices, size_t from, struct text *text)
{
	for (size_t i = from; i < devices->n; i++)
		text_add(text, "%s\"%s\"", i > from ? ", " : "", devices->items[i].name);
}

/* A device that is in the flowtable already is passed over by the kernel. */
static void flowtable_declare(const struct devices *devices, struct text *text)
{
	text_add(text, "add flowtable inet " RULES_TABLE " " RULES_FLOWTABLE
		       " { hook ingress priority filter; devices = { ");
	names_add(devices, 0, text);
	text_add(text, " }; counter; }\n");
}

/* Pods' packets alone are looked at: an entry is for both directions, and a connection is
 * established once both ends have sent. */
static int rules_wanted(const struct devices *devices, struct rule_list *ret_list,
			struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list list = {};
	struct text text = {};

	if (devices->n == 0)
		return 0;
	list.items = calloc(1, sizeof(*list.items));
	if (!list.items)
		return error_oom(err);
	text_add(&text, "iifname \"%s\" oifname { ", devices->items[0].name);
	names_add(devices, 1, &text);
	text_add(&text,
		 " } meta l4proto { tcp, udp } ct state established "
		 "ct packets > %d flow add @" RULES_FLOWTABLE,
		 PACKETS_BEFORE);
	list.n = 1;
	list.items->chain = &chain_fast_path;
	snprintf(list.items->kind, sizeof(list.items->kind), "add");
	list.items->text = text.text;
	flowtable_declare(devices, &list.set_commands);
	if (text.failed || list.set_commands.failed)
		return error_oom(err);
	*ret_list = list;
	list = (struct rule_list){};
	return 0;
}

/* Adds devices that were made anew after the rule, as the kernel has taken the former ones
 * out of the flowtable; and takes out an uplink of former times that is a port by now. */
static int devices_settle(struct attachment *att, struct devices *devices,
			  struct cni_error *err)
{
	_cleanup_(devices_compared_clear) struct devices_compared compared = {
		.wanted = devices};
	struct text text = {};
	int ret = devices_compare(att, &compared, err);

	if (ret < 0 || devices_are_settled(&compared))
		return ret;
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = devices_compare(att, &compared, err);
	if (ret < 0 || devices_are_settled(&compared))
		return ret;
	if (compared.port[0])
		text_add(&text,
			 "delete flowtable inet " RULES_TABLE " " RULES_FLOWTABLE
			 " { hook ingress priority filter; devices = { \"%s\" }; }\n",
			 compared.port);
	flowtable_declare(devices, &text);
	ret = text.failed ? error_oom(err)
			  : nft_apply(text.text, att->op->node.lock_fd, err);
	free(text.text);
	if (ret == 0 && compared.missing)
		report_done(att, "fast_path: %s in flowtable " RULES_FLOWTABLE,
			    compared.missing->name);
	if (ret == 0 && compared.port[0])
		report_done(att,
			    "fast_path: %s, a port of a bridge, taken out of "
			    "flowtable " RULES_FLOWTABLE,
			    compared.port);
	return ret;
}

#define REFUSED "Could not process rule: " /* in libnftables' words */

/* nftables says no more than that it found no such file, which may also be an interface
 * that was deleted just now. */
static bool kernel_lacks_it(struct attachment *att, const struct devices *devices,
			    const struct cni_error *err)
{
	if (err->code != CNI_ERR_RULES || (!strstr(err->msg, REFUSED "No such file") &&
					   !strstr(err->msg, REFUSED "Operation not")))
		return false;
	for (size_t i = 0; i < devices->n; i++)
		if (netlink_ifindex(att->op->node.rtnl, devices->items[i].name) == 0)
			return false;
	return true;
}

static int settle(struct attachment *att, struct cni_error *err)
{
	_cleanup_(devices_clear) struct devices devices = {};
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	struct cni_error own = {};
	int ret = devices_find(att, &devices, &own);

	if (ret == 0)
		ret = rules_wanted(&devices, &wanted, &own);
	if (ret == 0)
		ret = rules_ensure(att, stage_fast_path.name, &wanted, &own);
	if (ret == 0)
		ret = devices_settle(att, &devices, &own);
	if (ret < 0 && kernel_lacks_it(att, &devices, &own))
		return error_set(
			err, CNI_ERR_KERNEL, EOPNOTSUPP,
			"fastPath: this kernel's nftables has no flowtables; boot "
			"one with CONFIG_NF_FLOW_TABLE_INET and "
			"CONFIG_NFT_FLOW_OFFLOAD, or remove the key");
	if (ret < 0)
		error_copy(err, &own);
	return ret;
}

static int fast_path_add(struct attachment *att, struct cni_error *err)
{
	return att->network->fast_path ? settle(att, err) : 0;
}

/* Pods' own repairs have made a bridge that was gone, and a kernel without flowtables
 * keeps nobody from being repaired. Without the key rules that are left from before are
 * deleted, and the flowtable if it is nobody's. Established connections go the usual way
 * at once. */
static int fast_path_repair_shared_last(struct attachment *net, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list none = {};
	int ret;

	network_gateway_ifname(net->network, net->gateway_ifname);
	if (net->network->fast_path)
		return devices_have_gateway(net) ? settle(net, err) : 0;
	ret = rules_ensure(net, stage_fast_path.name, &none, err);
	if (ret == 0 && none.replaced)
		rules_drop_flowtable(net);
	return ret;
}

static int fast_path_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(devices_clear) struct devices devices = {};
	_cleanup_(devices_compared_clear) struct devices_compared compared = {
		.wanted = &devices};
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret;

	if (!att->network->fast_path)
		return 0;
	ret = devices_find(att, &devices, err);
	if (ret == 0)
		ret = rules_wanted(&devices, &wanted, err);
	if (ret == 0)
		ret = rules_check(att, stage_fast_path.name, &wanted, err);
	if (ret == 0)
		ret = devices_compare(att, &compared, err);
	if (ret < 0 || devices_are_settled(&compared))
		return ret;
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "fast_path: expected %s%s in flowtable " RULES_FLOWTABLE
			 " of table inet " RULES_TABLE
			 ", found it %s; `bridge-cni repair` "
			 "puts it right, as does the next ADD with this configuration",
			 compared.missing ? "" : "no port of a bridge, as ",
			 compared.missing ? compared.missing->name : compared.port,
			 compared.missing ? "missing" : "there");
}

static int fast_path_show_shared(struct attachment *net, struct stage_facts *facts,
				 struct cni_error *err)
{
	_cleanup_(devices_clear) struct devices devices = {};
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret;

	if (!net->network->fast_path || !facts->pods.any)
		return 0;
	ret = devices_find(net, &devices, err);
	if (ret == 0)
		ret = rules_wanted(&devices, &wanted, err);
	return ret < 0 ? ret
		       : stage_facts_rules(facts, net, stage_fast_path.name, &wanted,
					   err);
}

const struct stage stage_fast_path = {
	.name = "fast_path",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.add = fast_path_add,
	.check = fast_path_check,
	.repair_shared_last = fast_path_repair_shared_last,
	.show_shared = fast_path_show_shared,
};
