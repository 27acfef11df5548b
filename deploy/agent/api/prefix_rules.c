/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of prefixes that are nobody's, and limits. */
#include "prefix_rules.h"

#include <sys/socket.h>

/* A node has at most thousands of pods. Half of all addresses as the podCIDR of one node
 * would take the outside from every pod. */
#define NARROWEST_V4 8
#define NARROWEST_V6 16

/*
 * The prefixes of IANA's special-purpose registries that no router passes on, or that
 * mean something else to the kernel. Shared, private and documentation addresses
 * (100.64.0.0/10, fd00::/8, 192.0.2.0/24) serve pods as well as any.
 */
static const struct {
	struct ip_prefix prefix;
	bool on_demand; /* it is accepted where --cluster-cidr names it */
} special[] = {
	{{{AF_INET, {0}}, 8}, false}, /* this network */
	{{{AF_INET, {127}}, 8}, false}, /* loopback */
	{{{AF_INET, {169, 254}}, 16}, false}, /* link-local */
	{{{AF_INET, {224}}, 4}, false}, /* multicast */
	{{{AF_INET, {255, 255, 255, 255}}, 32}, false}, /* broadcast */
	{{{AF_INET, {240}}, 4}, true}, /* reserved, yet some clusters have pods there */
	{{{AF_INET6, {0}}, 8}, false}, /* unspecified, loopback, IPv4's and NAT64's */
	{{{AF_INET6, {1}}, 64}, false}, /* 100::/64, discarded */
	{{{AF_INET6, {0xfe, 0x80}}, 10}, false}, /* link-local */
	{{{AF_INET6, {0xff}}, 8}, false}, /* multicast */
};

enum in_cluster prefix_in_cluster(const struct prefix_list *cluster,
				  const struct ip_prefix *prefix)
{
	enum in_cluster where = CLUSTER_UNSET;

	for (size_t i = 0; i < cluster->n; i++) {
		if (cluster->items[i].addr.family != prefix->addr.family)
			continue;
		if (cluster->items[i].len <= prefix->len &&
		    prefix_contains(&cluster->items[i], &prefix->addr))
			return CLUSTER_INSIDE;
		where = CLUSTER_OUTSIDE;
	}
	return where;
}

static bool is_special(const struct ip_prefix *prefix, enum in_cluster where)
{
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (prefix_overlaps(&special[i].prefix, prefix) &&
		    !(special[i].on_demand && where == CLUSTER_INSIDE))
			return true;
	return false;
}

bool prefix_is_host(const struct ip_addr *addr)
{
	struct ip_prefix whole = {*addr, ip_bits(addr->family)};

	/* Nodes of one link can reach each other by IPv4 link-local addresses. */
	return !is_special(&whole, CLUSTER_INSIDE) ||
	       (addr->family == AF_INET && addr->bytes[0] == 169);
}

enum range_verdict prefix_verdict(const struct prefix_list *cluster,
				  const struct ip_prefix *cidr)
{
	enum in_cluster where = prefix_in_cluster(cluster, cidr);

	if (is_special(cidr, where))
		return RANGE_SPECIAL;
	if (cidr->len < (cidr->addr.family == AF_INET ? NARROWEST_V4 : NARROWEST_V6))
		return RANGE_TOO_WIDE;
	return where == CLUSTER_OUTSIDE ? RANGE_OUTSIDE : RANGE_ACCEPTED;
}
