/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy that drops has to be answered by rules for the whole network: a rule for one flow would
 * be one of many. A rule that drops may be about this one target, and be meant: what is let through
 * is this target alone.
 */
#include "drop_mend.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "plugin/doctor/finding.h"
#include "plugin/netlink/chain_names.h"
#include "plugin/netlink/nf_tables_hooks.h"
#include "plugin/nft/rules_owner.h"

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* The node agent's guard of its tunnels. */
#define AGENT_TABLE "bridge_cni_tunnel"

const char *drop_whose(const struct firewall_seen *seen)
{
	if (strcmp(seen->table, RULES_TABLE) == 0)
		return " (bridge-cni's own)";
	if (strcmp(seen->table, AGENT_TABLE) == 0)
		return " (the node agent's guard)";
	if (begins(seen->chain, "KUBE-") || strcmp(seen->table, "kube-proxy") == 0)
		return " (Kubernetes': kube-proxy or kubelet)";
	if (begins(seen->chain, "cali-"))
		return " (Calico's)";
	if (begins(seen->chain, "CILIUM"))
		return " (Cilium's)";
	return firewall_seen_whose(seen);
}

static void own_advise(struct doctor *doctor, const struct way *way,
		       const struct trace_event *event)
{
	if (event->family == NFPROTO_BRIDGE && way->pod->spoof_check)
		doctor_advise(doctor,
			      "have the pod send from the addresses that it was given: "
			      "spoofCheck drops all else");
	else
		doctor_advise(doctor,
			      "see bridge-cni.conf(5) for what this rule is for; the "
			      "comment of the rule names it");
}

/* Rules of nft must not get into tables that iptables(8) has to read. */
static bool is_of_iptables(const struct trace_event *event)
{
	return (event->family == NFPROTO_IPV4 || event->family == NFPROTO_IPV6) &&
	       iptables_has_table(event->table);
}

/* Lets the packets to this target through, and the answers. */
static void target_command(struct doctor *doctor, const struct way *way,
			   const struct trace_event *event)
{
	const char *family = nft_family_name(event->family),
		   *ip = way->to.family == ip_families[0] ? "ip" : "ip6",
		   *target = IP_TEXT(&way->to);
	char bridge[IF_NAMESIZE + 2];

	snprintf(bridge, sizeof(bridge), "\"%s\"", way->pod->gateway_ifname);
	doctor_command(doctor, "nft", "insert", "rule", family, event->table,
		       event->chain, "iifname", bridge, ip, "daddr", target, "accept",
		       DOCTOR_AND, "nft", "insert", "rule", family, event->table,
		       event->chain, "oifname", bridge, ip, "saddr", target, "accept");
}

/* In other hooks than forward, addresses may be translated before or behind the rule. */
static void rule_mend(struct doctor *doctor, const struct way *way,
		      const struct trace_event *event, const struct firewall_seen *seen)
{
	if (seen->hook == NF_INET_FORWARD && !seen->on_bridge && !*drop_whose(seen) &&
	    !is_of_iptables(event))
		target_command(doctor, way, event);
	doctor_advise(doctor, "change that rule by the program that made it; or leave it "
			      "so, if it is meant");
}

void drop_mend(struct doctor *doctor, const struct way *way,
	       const struct trace_event *event, const struct firewall_seen *seen)
{
	if (strcmp(event->table, RULES_TABLE) == 0)
		own_advise(doctor, way, event);
	else if (strcmp(event->table, AGENT_TABLE) == 0)
		doctor_advise(doctor,
			      "see whether the pod's address is in a podCIDR of this "
			      "node (kubectl get node -o yaml), and the agent's log");
	else if (begins(event->chain, "KUBE-") || strcmp(event->table, "kube-proxy") == 0)
		doctor_advise(doctor, "see whether the Service has this port, and "
				      "endpoints that are ready (kubectl get "
				      "services,endpointslices)");
	else if (begins(event->chain, "cali-") || begins(event->chain, "CILIUM"))
		doctor_advise(doctor, "see the network policies that select the pod or "
				      "its target");
	else if (event->type == TRACE_RULE)
		rule_mend(doctor, way, event, seen);
	else
		firewall_seen_mend(doctor, seen);
}
