/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The special networks are those of RFC 6890, RFC 5771 and RFC 4291. 240.0.0.0/4 is none
 * of them, as Linux lets a host have it. */
#include "range_kinds.h"

#include <sys/socket.h>

#include "findings.h"
#include "ranges.h"
#include "request.h"

static const struct kind {
	struct ip_prefix prefix;
	const char *what;
} kinds[] = {
	{{{AF_INET, {0}}, 8}, "no host's"},
	{{{AF_INET, {127}}, 8}, "the loopback's"},
	{{{AF_INET, {224}}, 4}, "multicast's"},
	{{{AF_INET6, {[15] = 1}}, 128}, "the loopback's"},
	{{{AF_INET6, {0xff}}, 8}, "multicast's"},
};

static void range_check(const struct ip_range *range, const char *where,
			struct findings *findings)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!prefix_overlaps(&range->subnet, &kinds[i].prefix))
			continue;
		finding_add(findings, FINDING_WARNING, 0,
			    "%s.subnet: %s has addresses of %s, which are %s, so that a "
			    "pod can't have them; take a subnet of %s, for example",
			    where, PREFIX_TEXT(&range->subnet),
			    PREFIX_TEXT(&kinds[i].prefix), kinds[i].what,
			    range->subnet.addr.family == AF_INET ? "10.0.0.0/8"
								 : "fd00::/8");
		return;
	}
}

void range_kinds_check(const struct request *request, struct findings *findings)
{
	const struct ipam_conf *ipam = &request->network.ipam;
	struct range_origin origin = {ipam->runtime_sets, ipam->single_sets, ""};

	for (size_t i = 0; i < ipam->sets.n; i++)
		for (size_t k = 0; k < ipam->sets.items[i].n; k++)
			range_check(&ipam->sets.items[i].ranges[k],
				    range_name(&origin, i, k), findings);
}
