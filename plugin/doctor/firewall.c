/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains of other programs that drop what pods send or get, and rules of ours that are
 * missing. An accept in our own table would not overrule a drop in another one. */
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
#include "plugin/nft/nft.h"
#include "plugin/nft/rules_owner.h"
#include "plugin/node/kernel_has.h"
#include "plugin/node/sysctl.h"
#include "plugin/node/uplink.h"

static const struct ip_addr outside[IP_FAMILIES] = {
	{AF_INET, {198, 51, 100, 1}},
	{AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
};

/* A look at the rules of the node, from the view of one network at a time. */
struct look {
	struct doctor *doctor;
	const struct doctor_network *network;
	struct nft_ruleset nft; /* without a connection: there are no rules */
	struct legacy_tables legacy;
	struct {
		struct firewall_drop *items;
		size_t n;
	} told; /* of this network */
};

/* Does the remedy of the first one mend the second one as well? One that lets neighbour
 * discovery through lets nothing else through. */
static bool covers(const struct firewall_drop *told, const struct firewall_drop *drop)
{
	bool discovery = told->way->kind == WAY_DISCOVERY_IN ||
			 told->way->kind == WAY_DISCOVERY_OUT;

	return told->legacy == drop->legacy && told->family == drop->family &&
	       strcmp(told->table, drop->table) == 0 &&
	       strcmp(told->chain, drop->chain) == 0 &&
	       (told->way->on_purpose == drop->way->on_purpose || !discovery);
}

static int drop_note(struct look *look, const struct firewall_drop *drop,
		     const struct way_ends *ends, struct cni_error *err)
{
	struct firewall_drop *told;

	for (size_t i = 0; i < look->told.n; i++)
		if (covers(&look->told.items[i], drop))
			return 0;
	told = LIST_ADD(&look->told);
	if (!told)
		return error_oom(err);
	*told = *drop;
	firewall_tell(look->doctor, drop, ends);
	return 0;
}

static int nft_look(struct look *look, const struct way *way, const struct way_step *step,
		    const struct packet *packet, const struct way_ends *ends,
		    struct cni_error *err)
{
	struct hook_drop_list list = {};
	int ret = look->nft.nl
			  ? nft_hook_drops(&look->nft, &step->hook, packet, &list, err)
			  : 0;

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
			ret = drop_note(look, &drop, ends, err);
	}
	free(list.items);
	return ret;
}

static int legacy_look(struct look *look, const struct way *way,
		       const struct way_step *step, const struct packet *packet,
		       const struct way_ends *ends, struct cni_error *err)
{
	struct legacy_drop_list list = {};
	int ret = legacy_hook_drops(&look->legacy, step->hook.number, packet, &list, err);

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

		ret = drop_note(look, &drop, ends, err);
	}
	free(list.items);
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
		struct packet packet = way_packet(way, step, ends);

		if (!goes(look, way, step, ends->pod.family))
			continue;
		ret = nft_look(look, way, step, &packet, ends, err);
		if (ret == 0 && step->hook.layer == HOOK_IP &&
		    packet.ethertype != ETHERTYPE_ARP)
			ret = legacy_look(look, way, step, &packet, ends, err);
	}
	return ret;
}

static struct ip_addr addr_of(const struct ip_prefix *subnet, uint8_t last_and,
			      uint8_t last_or)
{
	struct ip_addr addr = prefix_last(subnet);
	size_t last = ip_size(addr.family) - 1;

	addr.bytes[last] = (addr.bytes[last] & last_and) | last_or;
	return addr;
}

/* Addresses that pods may have are the last but one of the subnet, and the one before;
 * the gateway is mostly the first one. */
static void ends_take(const struct doctor_network *network,
		      const struct ip_prefix *subnet, struct way_ends *ends)
{
	ends->bridge = network->bridge;
	ends->gateway = network->gateway_ifname;
	ends->port = network->port;
	ends->subnet = *subnet;
	ends->pod = addr_of(subnet, 0xfe, 0);
	ends->other_pod = addr_of(subnet, 0xfd, 1);
	ends->node = prefix_network(subnet).addr;
	ends->node.bytes[ip_size(subnet->addr.family) - 1] |= 1;
}

/* The ends of a family's packets. One subnet of the network stands for all of them. */
struct family_look {
	struct way_ends ends;
	struct link_list uplinks;
	bool uses;
};

static int family_read(const struct look *look, size_t f, struct family_look *ret_family,
		       struct cni_error *err)
{
	const struct doctor_network *network = look->network;

	for (size_t i = 0; i < network->subnets.n; i++) {
		if (network->subnets.items[i].addr.family != ip_families[f])
			continue;
		ret_family->uses = true;
		ret_family->ends.world = outside[f];
		ends_take(network, &network->subnets.items[i], &ret_family->ends);
		return uplink_list_get(look->doctor->rtnl, ip_families[f],
				       &ret_family->uplinks, err);
	}
	return 0;
}

/* Goes the way by each uplink that it leads through. */
static int family_look(struct look *look, const struct way *way,
		       struct family_look *family, struct cni_error *err)
{
	const struct link_list *uplinks = &family->uplinks;
	bool leads_out = way->kind == WAY_OUT || way->kind == WAY_BACK;
	int ret = 0;

	for (size_t u = 0; ret == 0 && (u == 0 || (leads_out && u < uplinks->n)); u++) {
		family->ends.uplink = u < uplinks->n ? uplinks->items[u].name : "";
		ret = way_look(look, way, &family->ends, err);
	}
	return ret;
}

/* The worst is told first, as a chain is told of once. */
static int network_look(struct look *look, struct cni_error *err)
{
	struct family_look families[IP_FAMILIES] = {};
	int ret = 0;

	for (size_t f = 0; ret == 0 && f < IP_FAMILIES; f++)
		ret = family_read(look, f, &families[f], err);
	for (size_t i = 0; ret == 0 && i < WAYS; i++)
		for (size_t f = 0; ret == 0 && f < IP_FAMILIES; f++)
			if (families[f].uses)
				ret = family_look(look, &firewall_ways[i], &families[f],
						  err);
	for (size_t f = 0; f < IP_FAMILIES; f++)
		link_list_clear(&families[f].uplinks);
	free(look->told.items);
	look->told.items = NULL;
	look->told.n = 0;
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

void library_check(struct doctor *doctor)
{
	struct cni_error err = {};

	if (nft_look_up(&err) < 0) {
		doctor_tell(doctor, DOCTOR_PROBLEM, "%s", err.msg);
		doctor_advise(doctor, "install it: every ADD that needs a rule fails");
	}
}

void rules_check_network(struct doctor *doctor, const struct network_facts *facts)
{
	size_t missing = 0;

	if (facts->rules_unseen && !facts->view.records_errnum &&
	    !kernel_has_nf_tables()) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "its pods need rules, and there are none: nf_tables is not "
			    "loaded");
		doctor_command(doctor, doctor->self, "repair",
			       doctor->networks.items[doctor->networks.n - 1].file, NULL);
		return;
	}
	if (facts->rules_unseen) {
		doctor_tell(doctor, DOCTOR_WARNING, "rules could not be seen");
		doctor_advise(doctor, "run doctor as root");
		return;
	}
	for (size_t i = 0; i < facts->stages.rules.n; i++) {
		const struct stage_rules *rules = &facts->stages.rules.items[i];

		missing += rules->state.expected - rules->state.present;
	}
	if (missing == 0)
		return;
	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "%zu rule%s that its pods need %s missing in nftables", missing,
		    missing == 1 ? "" : "s", missing == 1 ? "is" : "are");
	doctor_command(doctor, doctor->self, "repair",
		       doctor->networks.items[doctor->networks.n - 1].file, NULL);
}
