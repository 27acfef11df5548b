/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both tables are read answer by answer; what they say of an address of the underlay is
 * added to the peer that has it. */
#include "silent_peers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/clock.h"
#include "conf/identity.h"
#include "guard_sets.h"
#include "vxlan_tables.h"

#define LOOKS_MIN 2 /* without an answer */
#define LINES_MAX 20 /* that one look logs */

struct heard_peer {
	uint64_t name; /* hash of the Node's name */
	uint64_t packets; /* that had come */
	unsigned int looks; /* in a row in which something was sent, and nothing came */
};

void silent_peers_clear(struct silent_peers *silent)
{
	free(silent->heard);
	free(silent->names);
	*silent = (struct silent_peers){.interval_seconds = silent->interval_seconds};
}

/* An address of the underlay, and the peer that has it. */
struct place {
	const struct ip_addr *addr;
	uint32_t peer;
};

/* The kernel's answers about one peer. */
struct fact {
	uint64_t packets;
	bool sent; /* since the last look */
};

struct look {
	const struct tunnel_plan *plan;
	struct place *places; /* sorted by address; owned */
	size_t n_places;
	struct fact *facts; /* one for each of the plan's peers; owned */
	uint32_t since_ms; /* the last look was so long ago */
};

static void look_clear(struct look *look)
{
	free(look->places);
	free(look->facts);
}

static int by_addr(const void *a, const void *b)
{
	const struct place *one = a, *other = b;

	return ip_cmp(one->addr, other->addr);
}

/* A peer may send from its InternalIP, and is sent to at its end. Most times both are the
 * same. */
static void peer_places(struct look *look, uint32_t i, int family)
{
	const struct tunnel_peer *peer = &look->plan->peers[i];
	struct tunnel_end end;

	if (peer->addresses[family].family)
		look->places[look->n_places++] = (struct place){&peer->addresses[family],
								i};
	if (tunnel_peer_end(peer, family, &end) == ROUTE_FINE &&
	    end.addr != &peer->addresses[end.underlay])
		look->places[look->n_places++] = (struct place){end.addr, i};
}

static int look_begin(struct look *look)
{
	const struct tunnel_plan *plan = look->plan;

	look->places = calloc(2 * IP_FAMILIES * plan->n_peers + 1, sizeof(*look->places));
	look->facts = calloc(plan->n_peers + 1, sizeof(*look->facts));
	if (!look->places || !look->facts)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->n_peers; i++)
		for (int f = 0; f < IP_FAMILIES; f++)
			peer_places(look, i, f);
	if (look->n_places)
		qsort(look->places, look->n_places, sizeof(*look->places), by_addr);
	return 0;
}

/* NULL: it is no peer's. */
static struct fact *fact_of(const struct look *look, const struct ip_addr *addr)
{
	const struct place key = {.addr = addr};
	const struct place *place = look->n_places
					    ? bsearch(&key, look->places, look->n_places,
						      sizeof(key), by_addr)
					    : NULL;

	return place ? &look->facts[place->peer] : NULL;
}

/* An entry that was never used since it was made has the same age in both. */
static void take_use(const struct vxlan_use *use, void *data)
{
	const struct look *look = data;
	struct fact *fact = fact_of(look, &use->addr);

	if (fact && use->used_ms < use->updated_ms && use->used_ms < look->since_ms)
		fact->sent = true;
}

static void take_count(const struct ip_addr *outer, uint64_t packets, void *data)
{
	struct fact *fact = fact_of(data, outer);

	if (fact)
		fact->packets += packets;
}

static int facts_read(struct look *look, struct netlink *rtnl, struct netlink *nft,
		      const struct tunnel_vxlan *vxlan, struct cni_error *err)
{
	int ret = 0;

	for (int f = 0; ret == 0 && f < IP_FAMILIES; f++)
		if (vxlan->sides[f].index)
			ret = vxlan_uses_read(rtnl, vxlan->sides[f].index, take_use, look,
					      err);
	return ret < 0 ? ret : guard_sets_counts(nft, take_count, look, err);
}

static int by_name(const void *a, const void *b)
{
	const struct heard_peer *one = a, *other = b;

	return one->name < other->name ? -1 : one->name > other->name;
}

static void tell(const struct log *log, const struct tunnel_peer *peer,
		 const struct ip_addr *addr, bool silent)
{
	log_write(log, silent ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
		  silent ? "a node doesn't answer by the tunnel: it has none yet, or a "
			   "firewall drops the tunnel's UDP port"
			 : "a node answers by the tunnel",
		  "node", peer->node->name, "address", IP_TEXT(addr), NULL);
}

/* Judges a peer by what it was before. */
static void judge(struct silent_peers *silent, const struct tunnel_peer *peer,
		  const struct ip_addr *addr, const struct fact *fact,
		  struct heard_peer *now, unsigned int *lines, const struct log *log)
{
	const struct heard_peer *before = silent->n_heard ? bsearch(now, silent->heard,
								    silent->n_heard,
								    sizeof(*now), by_name)
							  : NULL;
	bool was_silent = before && before->looks >= LOOKS_MIN;
	bool is_silent;

	now->packets = fact->packets;
	/* A counter that is smaller than it was has begun anew. */
	if (before && fact->packets == before->packets)
		now->looks = before->looks + (fact->sent && !was_silent);
	is_silent = now->looks >= LOOKS_MIN;
	if (is_silent != was_silent && (*lines)++ < LINES_MAX)
		tell(log, peer, addr, is_silent);
	if (!is_silent)
		return;
	if (silent->n < SILENT_PEERS_NAMED && silent->names)
		snprintf(silent->names[silent->n], sizeof(*silent->names), "%s",
			 peer->node->name);
	silent->n++;
}

/* The address that this node sends to the peer at by the tunnel; NULL: it doesn't. */
static const struct ip_addr *address_of(const struct tunnel_peer *peer)
{
	struct tunnel_end end;

	for (int f = 0; f < IP_FAMILIES; f++)
		if (tunnel_peer_end(peer, f, &end) == ROUTE_FINE && end.device)
			return end.addr;
	return NULL;
}

static int judge_all(struct silent_peers *silent, const struct look *look,
		     const struct log *log)
{
	const struct tunnel_plan *plan = look->plan;
	struct heard_peer *heard = calloc(plan->n_peers + 1, sizeof(*heard));
	unsigned int lines = 0;
	size_t n = 0;

	if (!silent->names)
		silent->names = calloc(SILENT_PEERS_NAMED, sizeof(*silent->names));
	if (!heard || !silent->names) {
		free(heard);
		return -ENOMEM;
	}
	silent->n = 0;
	for (size_t i = 0; i < plan->n_peers; i++) {
		const struct tunnel_peer *peer = &plan->peers[i];
		const struct ip_addr *addr = address_of(peer);

		if (!addr)
			continue;
		heard[n] = (struct heard_peer){.name = hash_text(peer->node->name)};
		judge(silent, peer, addr, &look->facts[i], &heard[n++], &lines, log);
	}
	if (n)
		qsort(heard, n, sizeof(*heard), by_name);
	free(silent->heard);
	silent->heard = heard;
	silent->n_heard = n;
	return 0;
}

void silent_peers_look(struct silent_peers *silent, struct netlink *rtnl,
		       struct netlink *nft, const struct tunnel_vxlan *vxlan,
		       const struct tunnel_plan *plan, const struct log *log)
{
	_cleanup_(look_clear) struct look look = {.plan = plan};
	int64_t now = now_ms(), since = silent->looked_at ? now - silent->looked_at : 0;
	struct cni_error err = {};
	int ret;

	if (silent->looked_at && since < (int64_t)silent->interval_seconds * 1000)
		return;
	ret = look_begin(&look);
	look.since_ms = since < UINT32_MAX ? (uint32_t)since : UINT32_MAX;
	if (ret == 0)
		ret = facts_read(&look, rtnl, nft, vxlan, &err);
	if (ret == 0)
		ret = judge_all(silent, &look, log);
	if (ret == -ENOMEM && !err.code)
		error_oom(&err);
	if (ret < 0) {
		log_error_once(log, &silent->error,
			       "which nodes answer by the tunnel can't be told", &err);
		return;
	}
	silent->looked_at = now;
	silent->error = 0;
}
