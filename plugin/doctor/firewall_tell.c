/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells of a chain that drops what it shouldn't, and of the command by which it lets that
 * through: by the program whose chain it is, where one is known, else by a rule. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/identity.h"
#include "finding.h"
#include "firewall_hooks.h"
#include "plugin/netlink/chain_names.h"

static bool is_firewalld(const struct firewall_drop *drop)
{
	return !drop->legacy && strcmp(drop->table, "firewalld") == 0;
}

static bool is_of(const struct firewall_drop *drop, unsigned int hook)
{
	return drop->step->hook.layer == HOOK_IP && drop->step->hook.number == hook;
}

static bool is_discovery(const struct firewall_drop *drop)
{
	return drop->way->kind == WAY_DISCOVERY_IN ||
	       drop->way->kind == WAY_DISCOVERY_OUT;
}

/* Interfaces in rules of nft are quoted: their names may be words of its language. */
struct quoted {
	char name[IF_NAMESIZE + 2];
};

static struct quoted quote(const char *ifname)
{
	struct quoted quoted;

	snprintf(quoted.name, sizeof(quoted.name), "\"%s\"", ifname);
	return quoted;
}

/* ---- Rules of nft ---- */

/* Both directions are opened, as the answers come in by the other one. */
static void nft_forward(struct doctor *doctor, const struct firewall_drop *drop,
			const struct way_ends *ends)
{
	const char *family = nft_family_name(drop->family);
	struct quoted bridge = quote(ends->gateway);

	doctor_command(doctor, "nft", "insert", "rule", family, drop->table, drop->chain,
		       "iifname", bridge.name, "accept", DOCTOR_AND, "nft", "insert",
		       "rule", family, drop->table, drop->chain, "oifname", bridge.name,
		       "accept");
}

/* @key @ifname: the packets that are let through. */
static void nft_one(struct doctor *doctor, const struct firewall_drop *drop,
		    const char *key, const char *ifname)
{
	const char *family = nft_family_name(drop->family);
	struct quoted quoted = quote(ifname);

	if (is_discovery(drop) && drop->family != NFPROTO_ARP &&
	    drop->step->hook.layer == HOOK_IP)
		doctor_command(doctor, "nft", "insert", "rule", family, drop->table,
			       drop->chain, key, quoted.name, "icmpv6", "type", "{",
			       "nd-neighbor-solicit,", "nd-neighbor-advert", "}",
			       "accept");
	else
		doctor_command(doctor, "nft", "insert", "rule", family, drop->table,
			       drop->chain, key, quoted.name, "accept");
}

/* The names of the network's ports begin alike. Not each kernel can tell a port's bridge. */
static void nft_ports(struct doctor *doctor, const struct firewall_drop *drop,
		      const struct way_ends *ends)
{
	char ports[IF_NAMESIZE];
	struct quoted quoted;

	snprintf(ports, sizeof(ports), "%.*s*",
		 (int)strlen(HOST_IFNAME_PREFIX) + HOST_IFNAME_NET_CHARS, ends->port);
	quoted = quote(ports);
	doctor_command(doctor, "nft", "insert", "rule", "bridge", drop->table,
		       drop->chain, drop->step->in ? "iifname" : "oifname", quoted.name,
		       "accept");
}

/* An uplink's packets for pods can be told from those for the node only where connections
 * are known. */
static void nft_uplink(struct doctor *doctor, const struct firewall_drop *drop,
		       const struct way_ends *ends)
{
	struct quoted uplink = quote(ends->uplink);

	if (is_of(drop, NF_INET_PRE_ROUTING) && drop->priority > NF_IP_PRI_CONNTRACK)
		doctor_command(doctor, "nft", "insert", "rule",
			       nft_family_name(drop->family), drop->table, drop->chain,
			       "iifname", uplink.name, "ct", "state",
			       "established,related", "accept");
	else
		doctor_advise(doctor,
			      "have the chain accept %s %s, which rules that track no "
			      "connections can't tell from others",
			      drop->way->what,
			      drop->way->kind == WAY_OUT ? "to other nodes and the world"
							 : "from there");
}

static void nft_mend(struct doctor *doctor, const struct firewall_drop *drop,
		     const struct way_ends *ends)
{
	if (drop->step->hook.layer == HOOK_BRIDGE)
		nft_ports(doctor, drop, ends);
	else if (is_of(drop, NF_INET_FORWARD))
		nft_forward(doctor, drop, ends);
	else if (drop->step->in == PLACE_GATEWAY)
		nft_one(doctor, drop, "iifname", ends->gateway);
	else if (drop->step->out == PLACE_GATEWAY)
		nft_one(doctor, drop, "oifname", ends->gateway);
	else
		nft_uplink(doctor, drop, ends);
}

/* ---- Rules of iptables ---- */

/*
 * The program that writes the chain's rules; NULL: it is no chain of iptables. Rules of
 * nft must not get into the tables of iptables-nft: it can't read a table that has, for
 * example, a set, nor could kube-proxy or Docker then, which call it.
 */
static const char *iptables_of(const struct firewall_drop *drop)
{
	bool six = drop->family == NFPROTO_IPV6;

	if (drop->legacy)
		return six ? "ip6tables-legacy" : "iptables-legacy";
	if ((!six && drop->family != NFPROTO_IPV4) || !iptables_has_table(drop->table) ||
	    !iptables_has_chain(drop->chain))
		return NULL;
	return six ? "ip6tables-nft" : "iptables-nft";
}

static void iptables_forward(struct doctor *doctor, const char *program,
			     const char *table, const char *chain, const char *bridge)
{
	doctor_command(doctor, program, "-t", table, "-I", chain, "-i", bridge, "-j",
		       "ACCEPT", DOCTOR_AND, program, "-t", table, "-I", chain, "-o",
		       bridge, "-j", "ACCEPT");
}

static void iptables_discovery(struct doctor *doctor, const struct firewall_drop *drop,
			       const char *direction, const char *ifname)
{
	const char *program = iptables_of(drop);

	doctor_command(doctor, program, "-t", drop->table, "-I", drop->chain, direction,
		       ifname, "-p", "icmpv6", "--icmpv6-type", "neighbour-solicitation",
		       "-j", "ACCEPT", DOCTOR_AND, program, "-t", drop->table, "-I",
		       drop->chain, direction, ifname, "-p", "icmpv6", "--icmpv6-type",
		       "neighbour-advertisement", "-j", "ACCEPT");
}

static void iptables_one(struct doctor *doctor, const struct firewall_drop *drop,
			 const char *key, const char *value)
{
	doctor_command(doctor, iptables_of(drop), "-t", drop->table, "-I", drop->chain,
		       key, value, "-j", "ACCEPT");
}

/* An uplink's packets for pods can be told from those for the node only where connections
 * are known. */
static void iptables_back(struct doctor *doctor, const struct firewall_drop *drop,
			  const char *uplink)
{
	if (drop->priority > NF_IP_PRI_CONNTRACK)
		doctor_command(doctor, iptables_of(drop), "-t", drop->table, "-I",
			       drop->chain, "-i", uplink, "-m", "conntrack", "--ctstate",
			       "ESTABLISHED,RELATED", "-j", "ACCEPT");
	else
		doctor_advise(doctor, "have the chain accept %s", drop->way->what);
}

/* A chain POSTROUTING can't ask for the interface that a packet came in by. */
static void iptables_mend(struct doctor *doctor, const struct firewall_drop *drop,
			  const struct way_ends *ends)
{
	bool goes_in = drop->step->in == PLACE_GATEWAY;

	if (is_of(drop, NF_INET_FORWARD))
		iptables_forward(doctor, iptables_of(drop), drop->table, drop->chain,
				 ends->gateway);
	else if (is_of(drop, NF_INET_POST_ROUTING) && goes_in && ends->subnet.addr.family)
		iptables_one(doctor, drop, "-s", PREFIX_TEXT(&ends->subnet));
	else if (is_of(drop, NF_INET_POST_ROUTING) && goes_in)
		doctor_advise(doctor, "have the chain accept %s", drop->way->what);
	else if (is_of(drop, NF_INET_PRE_ROUTING) && !goes_in)
		iptables_back(doctor, drop, ends->uplink);
	else if (is_discovery(drop))
		iptables_discovery(doctor, drop, goes_in ? "-i" : "-o", ends->gateway);
	else
		iptables_one(doctor, drop, goes_in ? "-i" : "-o", ends->gateway);
}

/* ---- Programs ---- */

static void ufw_mend(struct doctor *doctor, const struct firewall_drop *drop,
		     const char *bridge)
{
	if (is_of(drop, NF_INET_FORWARD))
		doctor_command(doctor, "ufw", "route", "allow", "in", "on", bridge,
			       DOCTOR_AND, "ufw", "route", "allow", "out", "on", bridge);
	else
		doctor_command(doctor, "ufw", "allow",
			       drop->step->in == PLACE_GATEWAY ? "in" : "out", "on",
			       bridge);
}

static bool ufw_knows(const struct firewall_drop *drop)
{
	return is_of(drop, NF_INET_FORWARD) || is_of(drop, NF_INET_LOCAL_IN) ||
	       is_of(drop, NF_INET_LOCAL_OUT);
}

void firewall_mend(struct doctor *doctor, const struct firewall_drop *drop,
		   const struct way_ends *ends)
{
	const char *bridge = ends->gateway,
		   *program = drop->family == NFPROTO_IPV6 ? "ip6tables" : "iptables";

	if (drop->walked.of_docker && is_of(drop, NF_INET_FORWARD) && !drop->legacy)
		doctor_command(doctor, program, "-I", "DOCKER-USER", "-i", bridge, "-j",
			       "ACCEPT", DOCTOR_AND, program, "-I", "DOCKER-USER", "-o",
			       bridge, "-j", "ACCEPT");
	else if (drop->walked.of_ufw && ufw_knows(drop))
		ufw_mend(doctor, drop, bridge);
	else if (is_firewalld(drop))
		doctor_command(doctor, "firewall-cmd", "--permanent", "--zone=trusted",
			       "--change-interface", bridge, DOCTOR_AND, "firewall-cmd",
			       "--reload");
	else if (iptables_of(drop))
		iptables_mend(doctor, drop, ends);
	else
		nft_mend(doctor, drop, ends);
	if (drop->way->on_purpose)
		doctor_advise(doctor, "leave it so, if it is meant");
}

/* ---- What is wrong ---- */

#define WHERE_MAX (2 * NFT_NAME_MAX + 64)

const char *firewall_whose(const struct firewall_drop *drop)
{
	return drop->walked.of_docker	   ? " (Docker's)"
	       : drop->walked.of_ufw	   ? " (ufw's)"
	       : is_firewalld(drop)	   ? " (firewalld's)"
	       : drop->walked.of_reference ? " (the reference plugins')"
					   : "";
}

static void where_format(const struct firewall_drop *drop, char where[WHERE_MAX])
{
	const char *whose = firewall_whose(drop);

	if (drop->legacy)
		snprintf(where, WHERE_MAX, "chain %s of table %s of %s%s", drop->chain,
			 drop->table,
			 drop->family == NFPROTO_IPV6 ? "ip6tables-legacy"
						      : "iptables-legacy",
			 whose);
	else
		snprintf(where, WHERE_MAX, "chain %s (hook %s) of table %s %s%s",
			 drop->chain, drop->hook, nft_family_name(drop->family),
			 drop->table, whose);
}

void firewall_tell(struct doctor *doctor, const struct firewall_drop *drop,
		   const struct way_ends *ends)
{
	const struct chain_walked *walked = &drop->walked;
	char where[WHERE_MAX];

	where_format(drop, where);
	if (walked->perhaps)
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"%s may drop %s: this program can't judge a rule of chain %s, "
			"which looks into a set",
			where, drop->way->what, walked->by);
	else
		doctor_tell(doctor, walked->unsure ? DOCTOR_WARNING : drop->way->level,
			    "%s drops %s, by %s%s%s", where, drop->way->what,
			    walked->by[0] ? "a rule of chain " : "its policy", walked->by,
			    walked->unsure ? ", unless a rule accepts them that this "
					     "program can't judge"
					   : "");
	firewall_mend(doctor, drop, ends);
}
