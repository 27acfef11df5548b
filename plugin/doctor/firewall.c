/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains of other programs that drop what pods send or what they get for an answer, and
 * rules of ours that are missing. An accept in our own table would not overrule a drop in
 * another one. */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "checks.h"
#include "finding.h"
#include "plugin/netlink/nf_tables_forward.h"
#include "plugin/nft/nft.h"
#include "plugin/nft/rules_owner.h"
#include "plugin/node/iptables_legacy.h"
#include "plugin/node/kernel_has.h"
#include "plugin/node/uplink.h"

static const struct ip_addr outside[IP_FAMILIES] = {
	{AF_INET, {198, 51, 100, 1}},
	{AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
};

static const char *family_name(int family)
{
	return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV4 ? "ip" : "ip6";
}

/* Both directions are opened, as the answers come in by the other one. */
static void nft_command(struct doctor *doctor, const struct forward_drop *drop,
			const char *bridge)
{
	char quoted[IF_NAMESIZE + 2];

	snprintf(quoted, sizeof(quoted), "\"%s\"", bridge);
	doctor_command(doctor, "nft", "insert", "rule", family_name(drop->family),
		       drop->table, drop->chain, "iifname", quoted, "accept", DOCTOR_AND,
		       "nft", "insert", "rule", family_name(drop->family), drop->table,
		       drop->chain, "oifname", quoted, "accept", NULL);
}

static void iptables_command(struct doctor *doctor, const char *program,
			     const char *chain, const char *bridge)
{
	doctor_command(doctor, program, "-I", chain, "-i", bridge, "-j", "ACCEPT",
		       DOCTOR_AND, program, "-I", chain, "-o", bridge, "-j", "ACCEPT",
		       NULL);
}

static void mend(struct doctor *doctor, const struct forward_drop *drop,
		 const char *bridge)
{
	const char *program = drop->family == NFPROTO_IPV6 ? "ip6tables" : "iptables";

	if (drop->of_docker)
		iptables_command(doctor, program, "DOCKER-USER", bridge);
	else if (drop->of_ufw)
		doctor_command(doctor, "ufw", "route", "allow", "in", "on", bridge,
			       DOCTOR_AND, "ufw", "route", "allow", "out", "on", bridge,
			       NULL);
	else if (drop->of_firewalld)
		doctor_command(doctor, "firewall-cmd", "--permanent", "--zone=trusted",
			       "--add-interface", bridge, DOCTOR_AND, "firewall-cmd",
			       "--reload", NULL);
	else
		nft_command(doctor, drop, bridge);
}

static void drop_tell(struct doctor *doctor, const struct forward_drop *drop,
		      const char *bridge, bool is_answer)
{
	const char *whose = drop->of_docker	 ? " (Docker's)"
			    : drop->of_ufw	 ? " (ufw's)"
			    : drop->of_firewalld ? " (firewalld's)"
						 : "";

	if (drop->perhaps)
		doctor_tell(doctor, DOCTOR_WARNING,
			    "chain %s of table %s %s%s may drop %s: this program can't "
			    "judge a rule of chain %s, which looks into a set",
			    drop->chain, family_name(drop->family), drop->table, whose,
			    is_answer ? "the answers that pods get" : "what pods send",
			    drop->by);
	else
		doctor_tell(
			doctor, drop->unsure ? DOCTOR_WARNING : DOCTOR_PROBLEM,
			"chain %s of table %s %s%s drops %s, by %s%s%s", drop->chain,
			family_name(drop->family), drop->table, whose,
			is_answer ? "the answers that pods get" : "what pods send",
			drop->by[0] ? "a rule of chain " : "its policy", drop->by,
			drop->unsure
				? ", unless a rule accepts them that this program can't "
				  "judge"
				: "");
	mend(doctor, drop, bridge);
}

static bool is_in(const struct forward_drop_list *list, const struct forward_drop *drop)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].family == drop->family &&
		    strcmp(list->items[i].table, drop->table) == 0 &&
		    strcmp(list->items[i].chain, drop->chain) == 0)
			return true;
	return false;
}

/* Tells of each chain once, though it may drop both directions. */
static int nft_look(struct doctor *doctor, struct netlink *nl, const char *bridge,
		    const char *uplink, const struct ip_addr *pod,
		    const struct ip_addr *world, struct cni_error *err)
{
	const struct forwarded_packet out = {bridge, uplink, *pod, *world, false};
	const struct forwarded_packet in = {uplink, bridge, *world, *pod, true};
	struct forward_drop_list sent = {}, answers = {};
	int ret = nl ? nft_forward_drops(nl, &out, RULES_TABLE, &sent, err) : 0;

	if (ret == 0 && nl)
		ret = nft_forward_drops(nl, &in, RULES_TABLE, &answers, err);
	for (size_t i = 0; ret == 0 && i < sent.n; i++)
		drop_tell(doctor, &sent.items[i], bridge, false);
	for (size_t i = 0; ret == 0 && i < answers.n; i++)
		if (!is_in(&sent, &answers.items[i]))
			drop_tell(doctor, &answers.items[i], bridge, true);
	free(sent.items);
	free(answers.items);
	return ret;
}

static void legacy_look(struct doctor *doctor, const char *bridge, int family)
{
	const char *program = family == AF_INET ? "iptables-legacy" : "ip6tables-legacy";

	enum legacy_forward does = iptables_legacy_forward(family, bridge);

	if (does == LEGACY_PASSES)
		return;
	doctor_tell(
		doctor, does == LEGACY_DROPS ? DOCTOR_PROBLEM : DOCTOR_WARNING,
		"chain FORWARD of %s drops what pods send, or get for an answer, by its "
		"policy%s",
		program, does == LEGACY_DROPS ? "" : ", unless a rule accepts it before");
	iptables_command(doctor, program, "FORWARD", bridge);
}

/* An address that a pod may have: the last but one of the subnet. */
static struct ip_addr some_pod(const struct ip_prefix *subnet)
{
	struct ip_addr addr = prefix_last(subnet);

	addr.bytes[ip_size(addr.family) - 1] &= 0xfe;
	return addr;
}

/* Returns < 0 where rules can't be seen. */
static int family_look(struct doctor *doctor, struct netlink *nl,
		       const struct doctor_network *network, size_t f,
		       struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list uplinks = {};
	int ret;

	for (size_t i = 0; i < network->subnets.n; i++) {
		struct ip_addr pod;

		if (network->subnets.items[i].addr.family != ip_families[f])
			continue;
		ret = uplink_list_get(doctor->rtnl, ip_families[f], &uplinks, err);
		if (ret < 0)
			return ret;
		pod = some_pod(&network->subnets.items[i]);
		ret = nft_look(doctor, nl, network->gateway_ifname,
			       uplinks.n ? uplinks.items[0].name : "", &pod, &outside[f],
			       err);
		if (ret == 0)
			legacy_look(doctor, network->gateway_ifname, ip_families[f]);
		return ret;
	}
	return 0;
}

void forward_chains_check(struct doctor *doctor)
{
	struct cni_error err = {};
	struct netlink *nl = NULL;
	int ret = 0;

	if (kernel_has_nf_tables())
		ret = netlink_open(NETLINK_FOR_NFTABLES, &nl, &err);
	for (size_t i = 0; ret == 0 && i < doctor->networks.n; i++)
		for (size_t f = 0; ret == 0 && f < IP_FAMILIES; f++)
			if (doctor->networks.items[i].is_gateway)
				ret = family_look(doctor, nl, &doctor->networks.items[i],
						  f, &err);
	/* A kernel without nf_tables has no rules of it. */
	if (ret < 0 && ret != -EPROTONOSUPPORT && ret != -EINVAL)
		doctor_unseen(doctor, "rules of other programs", &err);
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
