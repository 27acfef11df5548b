/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains of other programs that drop what pods send or get. An accept in our own table
 * would not overrule a drop in another one. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "checks.h"
#include "conf/base/list.h"
#include "finding.h"
#include "firewall_hooks.h"
#include "plugin/nft/rules_owner.h"
#include "plugin/node/kernel_has.h"
#include "plugin/node/sysctl.h"
#include "plugin/node/uplink.h"

struct drop_list {
	struct firewall_drop *items;
	size_t n;
};

/* A look at the rules of the node, from the view of one network at a time. */
struct look {
	struct doctor *doctor;
	const struct doctor_network *network;
	struct nft_ruleset nft; /* without a connection: there are no rules */
	struct legacy_tables legacy;
	bool marks; /* rules on the ways of this network's packets give them marks */
	bool tells; /* otherwise only marks are looked for */
	struct drop_list told; /* of this network */
};

static int drop_add(struct drop_list *list, const struct firewall_drop *drop,
		    struct cni_error *err)
{
	struct firewall_drop *item = LIST_ADD(list);

	if (!item)
		return error_oom(err);
	*item = *drop;
	return 0;
}

static bool is_same_chain(const struct firewall_drop *a, const struct firewall_drop *b)
{
	return a->legacy == b->legacy && a->family == b->family &&
	       strcmp(a->table, b->table) == 0 && strcmp(a->chain, b->chain) == 0;
}

/* Does the remedy of the first one mend the second one as well? One that lets neighbour
 * discovery through lets nothing else through. */
static bool covers(const struct firewall_drop *told, const struct firewall_drop *drop)
{
	bool discovery = told->way->kind == WAY_DISCOVERY_IN ||
			 told->way->kind == WAY_DISCOVERY_OUT;

	return is_same_chain(told, drop) &&
	       (told->way->on_purpose == drop->way->on_purpose || !discovery);
}

static int drop_note(struct look *look, const struct firewall_drop *drop,
		     const struct way_ends *ends, struct cni_error *err)
{
	for (size_t i = 0; i < look->told.n; i++)
		if (covers(&look->told.items[i], drop))
			return 0;
	firewall_tell(look->doctor, drop, ends);
	return drop_add(&look->told, drop, err);
}

static int nft_look(struct look *look, const struct way *way, const struct way_step *step,
		    const struct packet *packet, struct drop_list *drops,
		    struct cni_error *err)
{
	struct hook_drop_list list = {};
	int ret = look->nft.nl
			  ? nft_hook_drops(&look->nft, &step->hook, packet, &list, err)
			  : 0;

	look->marks |= list.marks;
	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct nft_base_chain *base = list.items[i].base;
		const struct firewall_drop drop = {
			.way = way,
			.step = step,
			.family = base->family,
			.table = base->table,
			.chain = base->chain,
			.hook = nft_hook_name(base),
			.priority = base->priority,
			.walked = list.items[i].walked,
		};

		/* The tables of this program and of the agent are no other program's. */
		if (strncmp(base->table, RULES_TABLE, strlen(RULES_TABLE)) != 0)
			ret = drop_add(drops, &drop, err);
	}
	free(list.items);
	return ret;
}

static int legacy_look(struct look *look, const struct way *way,
		       const struct way_step *step, const struct packet *packet,
		       struct drop_list *drops, struct cni_error *err)
{
	struct legacy_drop_list list = {};
	int ret = legacy_hook_drops(&look->legacy, step->hook.number, packet, &list, err);

	look->marks |= list.marks;
	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct firewall_drop drop = {
			.way = way,
			.step = step,
			.legacy = true,
			.family = packet->from.family == AF_INET ? NFPROTO_IPV4
								 : NFPROTO_IPV6,
			.table = list.items[i].table,
			.chain = list.items[i].chain,
			.priority = list.items[i].priority,
			.walked = list.items[i].walked,
		};

		ret = drop_add(drops, &drop, err);
	}
	free(list.items);
	return ret;
}

/* Finds the chains that drop packets to or from one example of the world. */
static int drops_find(struct look *look, const struct way *way,
		      const struct way_step *step, const struct way_ends *ends,
		      size_t world, struct drop_list *drops, struct cni_error *err)
{
	struct way_ends of_world = *ends;
	struct packet packet;
	int ret;

	of_world.world = *world_example(ends->pod.family, world);
	packet = way_packet(way, step, &of_world);
	packet.marked = look->marks;
	ret = nft_look(look, way, step, &packet, drops, err);
	if (ret == 0 && step->hook.layer == HOOK_IP && packet.ethertype != ETHERTYPE_ARP)
		ret = legacy_look(look, way, step, &packet, drops, err);
	return ret;
}

static int doubts(const struct firewall_drop *drop)
{
	return drop->walked.perhaps ? 2 : drop->walked.unsure;
}

/* Leaves in @drops the chains that are in @others, too, each as the less sure one. */
static void keep_common(struct drop_list *drops, const struct drop_list *others)
{
	size_t kept = 0;

	for (size_t i = 0; i < drops->n; i++) {
		const struct firewall_drop *drop = &drops->items[i], *other = NULL;

		for (size_t k = 0; k < others->n && !other; k++)
			if (is_same_chain(drop, &others->items[k]))
				other = &others->items[k];
		if (other)
			drops->items[kept++] = doubts(other) > doubts(drop) ? *other
									    : *drop;
	}
	drops->n = kept;
}

static bool leads_out(const struct way *way)
{
	return way->kind == WAY_OUT || way->kind == WAY_BACK;
}

/* A chain that drops some addresses of the world alone, such as those of a country or
 * those that nobody may have, is left to whoever wants that. */
static int step_look(struct look *look, const struct way *way,
		     const struct way_step *step, const struct way_ends *ends,
		     struct cni_error *err)
{
	struct drop_list drops = {}, others = {};
	int ret = drops_find(look, way, step, ends, 0, &drops, err);

	for (size_t i = 1;
	     ret == 0 && drops.n > 0 && leads_out(way) && i < WORLD_EXAMPLES; i++) {
		others.n = 0;
		ret = drops_find(look, way, step, ends, i, &others, err);
		keep_common(&drops, &others);
	}
	for (size_t i = 0; ret == 0 && i < drops.n; i++)
		ret = drop_note(look, &drops.items[i], ends, err);
	free(drops.items);
	free(others.items);
	return ret;
}

/* Frames between pods see rules for IP where br_netfilter shows them those. */
static bool bridge_asks_ip(int family)
{
	int value = 0;

	return sysctl_get(&value, NULL, "bridge/bridge-nf-call-%s",
			  family == AF_INET ? "iptables" : "ip6tables") == 0 &&
	       value != 0;
}

/* Pods of a network without a gateway, or whose ports are isolated, and those that the
 * node routes between, do without some of the ways. */
static bool goes(const struct look *look, const struct way *way,
		 const struct way_step *step, int family)
{
	const struct doctor_network *network = look->network;

	if (way->kind != WAY_PODS)
		return network->is_gateway;
	if (network->isolated)
		return false;
	if (step->hook.layer == HOOK_BRIDGE)
		return !network->routed;
	return network->routed || bridge_asks_ip(family);
}

static int way_look(struct look *look, const struct way *way, const struct way_ends *ends,
		    struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < way->n; i++) {
		const struct way_step *step = &way->steps[i];

		if (goes(look, way, step, ends->pod.family))
			ret = step_look(look, way, step, ends, err);
	}
	return ret;
}

/* Goes the way by each uplink that it leads through. */
static int ends_look(struct look *look, const struct way *way, struct firewall_ends *ends,
		     struct cni_error *err)
{
	const struct link_list *uplinks = &ends->uplinks;
	int ret = 0;

	for (size_t u = 0; ret == 0 && (u == 0 || (leads_out(way) && u < uplinks->n));
	     u++) {
		ends->ends.uplink = u < uplinks->n ? uplinks->items[u].name : "";
		ends->ends.uplink_index = u < uplinks->n ? uplinks->items[u].index : 0;
		ret = way_look(look, way, &ends->ends, err);
	}
	return ret;
}

/* The worst is told first, as a chain is told of once. */
static int ways_look(struct look *look, const struct firewall_ends_list *list,
		     struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < WAYS; i++)
		for (size_t k = 0; ret == 0 && k < list->n; k++)
			ret = ends_look(look, &firewall_ways[i], &list->items[k], err);
	return ret;
}

/* Rules that judge a packet by its mark may stand before the one that gives it: marks are
 * looked for first. */
static int network_look(struct look *look, struct cni_error *err)
{
	_cleanup_(firewall_ends_clear) struct firewall_ends_list list = {};
	int ret = firewall_ends_read(look->doctor, look->network, &list, err);

	look->marks = false;
	look->tells = false;
	if (ret == 0)
		ret = ways_look(look, &list, err);
	look->tells = true;
	if (ret == 0)
		ret = ways_look(look, &list, err);
	free(look->told.items);
	look->told = (struct drop_list){};
	return ret;
}

void firewall_check(struct doctor *doctor)
{
	struct look look = {.doctor = doctor};
	struct cni_error err = {};
	struct netlink *nl = NULL;
	int ret = 0;

	if (kernel_has_nf_tables())
		ret = netlink_open(NETLINK_FOR_NFTABLES, &nl, &err);
	if (ret == 0 && nl)
		ret = nft_ruleset_open(nl, &look.nft, &err);
	/* A kernel without nf_tables has no rules of it. */
	if (ret == -EPROTONOSUPPORT || ret == -EINVAL)
		ret = error_clear(&err);
	for (size_t i = 0; ret == 0 && i < doctor->networks.n; i++) {
		look.network = &doctor->networks.items[i];
		ret = network_look(&look, &err);
	}
	if (ret < 0)
		doctor_unseen(doctor, "rules of other programs", &err);
	nft_ruleset_clear(&look.nft);
	legacy_tables_clear(&look.legacy);
	netlink_close(nl);
}
