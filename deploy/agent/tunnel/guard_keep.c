/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan becomes the guard's spec: pairs of a node's address and a range of pods. */
#include "guard_keep.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/clock.h"
#include "plugin/netlink/nf_tables_table.h"

/* Other programs may change rules all the time, as kube-proxy does. After each change all
 * elements of the guard are read, which takes 10 ms with 5,000 nodes: so that is done so
 * often at most. */
#define LOOK_MS 3000

void guard_keep_clear(struct guard_keep *keep)
{
	guard_known_clear(&keep->known);
	free(keep->former);
	*keep = (struct guard_keep){};
}

bool guard_keep_former(struct guard_keep *keep, const struct ip_prefix *former, size_t n)
{
	struct ip_prefix *copy;
	bool same = n == keep->n_former;

	for (size_t i = 0; same && i < n; i++)
		same = prefix_equal(&former[i], &keep->former[i]);
	if (same)
		return false;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return false;
	memcpy(copy, former, n * sizeof(*copy));
	free(keep->former);
	keep->former = copy;
	keep->n_former = n;
	return true;
}

/* The lists that the spec points to; owned. */
struct lists {
	struct guard_source *sources;
	struct ip_prefix *own;
};

static void lists_clear(struct lists *lists)
{
	free(lists->sources);
	free(lists->own);
}

/* The address that a node of flannel's sends from besides its InternalIPs; NULL: there is
 * none. */
static const struct ip_addr *address_of_flannel(const struct tunnel_peer *peer,
						int family)
{
	const struct flannel_end *end = peer->flannel;

	if (!end || end[family].problem != ROUTE_FINE ||
	    ip_equal(&end[family].addr, &peer->addresses[family]))
		return NULL;
	return &end[family].addr;
}

static void source_add(struct lists *lists, struct guard_spec *spec,
		       const struct ip_addr *outer, const struct tunnel_range *range)
{
	lists->sources[spec->n_sources++] = (struct guard_source){*outer, range->cidr};
}

/* A peer may send from each of its InternalIPs, whichever this node sends to. Ranges are in
 * the order of their addresses, and so nearly all sources are in that of the guard's
 * elements. */
static void sources_make(const struct tunnel_plan *plan, struct lists *lists,
			 struct guard_spec *spec)
{
	for (int f = 0; f < IP_FAMILIES; f++)
		for (size_t i = 0; i < plan->n_ranges; i++) {
			const struct tunnel_peer *peer = tunnel_range_peer(plan, i);

			if (peer->addresses[f].family)
				source_add(lists, spec, &peer->addresses[f],
					   &plan->ranges[i]);
		}
	for (size_t i = 0; plan->flannel && i < plan->n_ranges; i++) {
		const struct tunnel_range *range = &plan->ranges[i];
		const struct ip_addr *more = address_of_flannel(&plan->peers[range->peer],
								range->cidr.addr.family !=
									ip_families[0]);

		if (more)
			source_add(lists, spec, more, range);
	}
	spec->sources = lists->sources;
}

static void own_make(const struct guard_keep *keep, const struct tunnel_plan *plan,
		     struct lists *lists, struct guard_spec *spec)
{
	for (int f = 0; f < IP_FAMILIES; f++)
		if (plan->cidrs[f].addr.family)
			lists->own[spec->n_own++] = plan->cidrs[f];
	for (size_t i = 0; i < keep->n_former; i++)
		lists->own[spec->n_own++] = keep->former[i];
	spec->own = lists->own;
}

/* Returns whether something was done. */
static bool log_done(const struct log *log, const struct guard_done *done)
{
	char text[96];

	if (!done->made && !done->rules && !done->added && !done->deleted)
		return false;
	snprintf(text, sizeof(text), "%s%zu added, %zu deleted",
		 done->made    ? "table made, "
		 : done->rules ? "rules put right, "
			       : "",
		 done->added, done->deleted);
	log_write(log, done->made || done->rules ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
		  "guard of the tunnels", "what", text, NULL);
	return true;
}

int guard_keep_run(struct guard_keep *keep, const struct tunnel_context *context,
		   struct cni_error *err)
{
	const struct options *options = context->options;
	const struct tunnel_plan *plan = &context->plan;
	struct guard_done done = {};
	struct guard_spec spec = {
		.vxlan = options_have_tunnel(options, TUNNEL_VXLAN),
		.wireguard = options_have_tunnel(options, TUNNEL_WIREGUARD),
		.port = (uint16_t)options->vxlan_port,
		.vni = options->vxlan_id,
		.mac = plan->mac,
	};
	_cleanup_(lists_clear) struct lists lists = {
		.sources = reallocarray(NULL, (IP_FAMILIES + 1) * plan->n_ranges + 1,
					sizeof(*lists.sources)),
		.own = calloc(IP_FAMILIES + keep->n_former, sizeof(*lists.own)),
	};
	int ret;

	if (!lists.sources || !lists.own)
		return error_oom(err);
	sources_make(plan, &lists, &spec);
	own_make(keep, plan, &lists, &spec);
	keep->look_at = now_ms() + LOOK_MS;
	ret = tunnel_guard_ensure(context->nft, &spec, &keep->known, &done, err);
	if (log_done(context->log, &done))
		keep->changes++;
	return ret;
}

bool guard_keep_due(struct guard_keep *keep, struct netlink *nft)
{
	bool settled;

	return now_ms() >= keep->look_at &&
	       (tunnel_guard_settled(nft, &keep->known, &settled, NULL) < 0 || !settled);
}

bool guard_keep_stands(struct netlink *nft)
{
	enum nft_table_state state;

	return nft_table_look(nft, NFPROTO_INET, GUARD_TABLE, &state, NULL) == 0 &&
	       state == NFT_TABLE_AWAKE;
}
