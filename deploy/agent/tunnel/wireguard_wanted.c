/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notes become peers: each key once, each peer with its own ranges. */
#include "wireguard_wanted.h"

#include <stdlib.h>
#include <string.h>

/* A key that a Node says. */
struct said {
	const struct wireguard_key *key;
	uint32_t peer; /* index into the plan's peers */
};

void wireguard_wanted_clear(struct wireguard_wanted *wanted)
{
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		free(wanted->peers[slot]);
	free(wanted->allowed);
	free(wanted->notes);
	free(wanted->problems);
	*wanted = (struct wireguard_wanted){};
}

static int by_key(const void *a, const void *b)
{
	const struct said *one = a, *other = b;

	return memcmp(one->key, other->key, sizeof(*one->key));
}

/* Reads what all Nodes say, also those that are no peers: a key that they have too is
 * nobody's. Returns how many keys. */
static size_t notes_read(const struct tunnel_plan *plan, size_t annotation,
			 struct wireguard_wanted *wanted, struct said *said)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_peers; i++) {
		const struct cluster_node *node = plan->peers[i].node;
		const char *text = node_annotation(node, annotation);
		struct wireguard_note *note = &wanted->notes[i];

		if (node == plan->own)
			continue;
		if (!text || wireguard_note_parse(text, note) < 0)
			wanted->problems[i] = text ? ROUTE_BAD_KEY : ROUTE_NO_KEY;
		for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
			if (note->ends[slot].port)
				said[n++] = (struct said){&note->ends[slot].key,
							  (uint32_t)i};
	}
	qsort(said, n, sizeof(*said), by_key);
	return n;
}

static bool is_own(const struct wireguard_note *own, const struct wireguard_key *key)
{
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		if (own->ends[slot].port &&
		    memcmp(&own->ends[slot].key, key, sizeof(*key)) == 0)
			return true;
	return false;
}

static void shared_drop(struct wireguard_wanted *wanted, const struct said *said,
			size_t n, const struct wireguard_note *own)
{
	for (size_t i = 0; i < n; i++)
		if ((i && by_key(&said[i], &said[i - 1]) == 0) ||
		    (i + 1 < n && by_key(&said[i], &said[i + 1]) == 0) ||
		    is_own(own, said[i].key))
			wanted->problems[said[i].peer] = ROUTE_SHARED_KEY;
}

/* Sorts the ranges by peer, in the order of the plan's peers. @places: zeros; then where
 * the prefixes of each peer end. */
static void ranges_sort(const struct tunnel_plan *plan, struct wireguard_wanted *wanted,
			size_t *places)
{
	size_t at = 0;

	for (size_t i = 0; i < plan->n_ranges; i++)
		places[plan->ranges[i].peer]++;
	for (size_t i = 0; i < plan->n_peers; i++) {
		size_t n = places[i];

		places[i] = at;
		at += n;
	}
	for (size_t i = 0; i < plan->n_ranges; i++)
		wanted->allowed[places[plan->ranges[i].peer]++] = plan->ranges[i].cidr;
}

static void peers_make(const struct tunnel_plan *plan, struct wireguard_wanted *wanted,
		       const size_t *places, int slot, bool two)
{
	for (size_t i = 0; i < plan->n_peers; i++) {
		const struct tunnel_peer *peer = &plan->peers[i];
		const struct wireguard_end *end = &wanted->notes[i].ends[slot];
		size_t from = i ? places[i - 1] : 0;

		if (!end->port || peer->problem != ROUTE_FINE ||
		    wanted->problems[i] != ROUTE_FINE)
			continue;
		wanted->peers[slot][wanted->n_peers[slot]++] = (struct wireguard_peer){
			.key = end->key,
			.endpoint = peer->addresses[peer->underlay],
			.other = peer->addresses[!peer->underlay],
			.port = end->port,
			.allowed = wanted->allowed + from,
			.n_allowed = places[i] - from,
			.greet = two && wanted->notes[i].ends[1].port,
			.owner = (uint32_t)i,
		};
	}
}

int wireguard_wanted_make(const struct tunnel_plan *plan, size_t annotation,
			  const struct wireguard_note *own, bool two,
			  struct wireguard_wanted *ret_wanted, struct cni_error *err)
{
	size_t n = plan->n_peers + 1;
	_cleanup_(free_p) struct said *said = calloc(WIREGUARD_SLOTS * n, sizeof(*said));
	_cleanup_(free_p) size_t *places = calloc(n, sizeof(*places));
	_cleanup_(wireguard_wanted_clear) struct wireguard_wanted wanted = {
		.peers = {calloc(n, sizeof(*wanted.peers[0])),
			  calloc(two ? n : 1, sizeof(*wanted.peers[0]))},
		.allowed = calloc(plan->n_ranges + 1, sizeof(*wanted.allowed)),
		.notes = calloc(n, sizeof(*wanted.notes)),
		.problems = calloc(n, sizeof(*wanted.problems)),
	};

	if (!said || !places || !wanted.peers[0] || !wanted.peers[1] || !wanted.allowed ||
	    !wanted.notes || !wanted.problems)
		return error_oom(err);
	shared_drop(&wanted, said, notes_read(plan, annotation, &wanted, said), own);
	ranges_sort(plan, &wanted, places);
	for (int slot = 0; slot < (two ? WIREGUARD_SLOTS : 1); slot++)
		peers_make(plan, &wanted, places, slot, two);
	*ret_wanted = wanted;
	wanted = (struct wireguard_wanted){};
	return 0;
}
