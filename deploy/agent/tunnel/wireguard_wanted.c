/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notes become peers: each key once, each peer with its own ranges. */
#include "wireguard_wanted.h"

#include <stdlib.h>
#include <string.h>

#include "deploy/agent/base/byte_sort.h"

/* A key that a Node says. */
struct said {
	struct wireguard_key key;
	struct wireguard_end *end; /* of the Node's note */
	uint32_t peer; /* index into the plan's peers */
};

/* All that are said, sorted by key. */
struct said_list {
	struct said *items;
	size_t n;
};

void wireguard_wanted_clear(struct wireguard_wanted *wanted)
{
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		free(wanted->peers[slot]);
	free(wanted->allowed);
	free(wanted->notes);
	free(wanted->problems);
	wireguard_owners_clear(&wanted->owners);
	free(wanted->refused);
	*wanted = (struct wireguard_wanted){};
}

static bool key_equal(const struct said *one, const struct said *other)
{
	return memcmp(&one->key, &other->key, sizeof(one->key)) == 0;
}

/* Reads what all Nodes say, also those that are no peers: a key may be theirs. */
static void notes_read(const struct tunnel_plan *plan, size_t annotation,
		       struct wireguard_wanted *wanted, struct said_list *said)
{
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
				said->items[said->n++] =
					(struct said){note->ends[slot].key,
						      &note->ends[slot], (uint32_t)i};
	}
	BYTE_SORT(said->items, said->n, struct said, key);
}

/* -- whose a key is */

/* Returns the owner of a key that @n Nodes have in their annotations; NULL: it can't be
 * told. In most cases one Node has it. */
static const struct said *owner_of(const struct tunnel_plan *plan,
				   const struct wireguard_owners *before,
				   const struct said *said, size_t n)
{
	const struct said *first = NULL;
	uint64_t least = UINT64_MAX;

	if (n == 1)
		return said;
	for (size_t i = 0; i < n; i++) {
		const struct cluster_node *node = plan->peers[said[i].peer].node;

		if (wireguard_owners_has(before, &said[i].key, node->name))
			return &said[i];
		if (node->annotated == least)
			first = NULL;
		if (node->annotated >= least)
			continue;
		least = node->annotated;
		first = &said[i];
	}
	return first;
}

/* Leaves each key to its owner. */
static int keys_grant(const struct tunnel_plan *plan, struct wireguard_wanted *wanted,
		      const struct said_list *said, const struct wireguard_note *own,
		      const struct wireguard_owners *before, struct cni_error *err)
{
	size_t n;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < said->n; i += n) {
		const struct said *items = said->items + i, *owner = NULL;
		bool mine = wireguard_note_has(own, &items->key);

		for (n = 1; i + n < said->n && key_equal(items, items + n);)
			n++;
		if (!mine)
			owner = owner_of(plan, before, items, n);
		for (size_t k = 0; k < n; k++) {
			if (&items[k] == owner)
				continue;
			items[k].end->port = 0;
			wanted->refused[wanted->n_refused++] = (struct wireguard_refusal){
				plan->peers[items[k].peer].node->name,
				owner  ? plan->peers[owner->peer].node->name
				: mine ? plan->own->name
				       : NULL};
		}
		if (owner)
			ret = wireguard_owners_add(&wanted->owners, &owner->key,
						   plan->peers[owner->peer].node->name,
						   err);
	}
	wireguard_owners_settle(&wanted->owners);
	return ret;
}

/* A Node that no key is left of can't be sent to. */
static void problems_find(const struct tunnel_plan *plan, struct wireguard_wanted *wanted,
			  bool two)
{
	for (size_t i = 0; i < plan->n_peers; i++) {
		const struct wireguard_end *ends = wanted->notes[i].ends;

		if (plan->peers[i].node != plan->own &&
		    wanted->problems[i] == ROUTE_FINE && !ends[0].port &&
		    !(two && ends[1].port))
			wanted->problems[i] = ROUTE_SHARED_KEY;
	}
}

/* -- the peers */

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
			  const struct wireguard_owners *before,
			  struct wireguard_wanted *ret_wanted, struct cni_error *err)
{
	size_t n = plan->n_peers + 1;
	_cleanup_(free_p) struct said *items = calloc(WIREGUARD_SLOTS * n,
						      sizeof(*items));
	_cleanup_(free_p) size_t *places = calloc(n, sizeof(*places));
	_cleanup_(wireguard_wanted_clear) struct wireguard_wanted wanted = {
		.peers = {calloc(n, sizeof(*wanted.peers[0])),
			  calloc(two ? n : 1, sizeof(*wanted.peers[0]))},
		.allowed = calloc(plan->n_ranges + 1, sizeof(*wanted.allowed)),
		.notes = calloc(n, sizeof(*wanted.notes)),
		.problems = calloc(n, sizeof(*wanted.problems)),
		.refused = calloc(WIREGUARD_SLOTS * n, sizeof(*wanted.refused)),
	};
	struct said_list said = {.items = items};
	int ret;

	if (!items || !places || !wanted.peers[0] || !wanted.peers[1] ||
	    !wanted.allowed || !wanted.notes || !wanted.problems || !wanted.refused)
		return error_oom(err);
	notes_read(plan, annotation, &wanted, &said);
	ret = keys_grant(plan, &wanted, &said, own, before, err);
	if (ret < 0)
		return ret;
	problems_find(plan, &wanted, two);
	ranges_sort(plan, &wanted, places);
	for (int slot = 0; slot < (two ? WIREGUARD_SLOTS : 1); slot++)
		peers_make(plan, &wanted, places, slot, two);
	*ret_wanted = wanted;
	wanted = (struct wireguard_wanted){};
	return 0;
}
