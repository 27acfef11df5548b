/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In the order of addresses, wider prefixes first, a prefix stands behind those around it
 * and before those inside it. */
#include "range_tree.h"

#include <stdlib.h>

#include "deploy/agent/base/byte_sort.h"

#define NOBODY RANGE_TREE_NOBODY

void range_tree_clear(struct range_tree *tree)
{
	free(tree->places);
	*tree = (struct range_tree){};
}

int range_tree_make(struct claim *claims, size_t n, struct range_tree *ret_tree,
		    struct cni_error *err)
{
	struct range_place *places;
	uint32_t at = NOBODY, used = 0;

	BYTE_SORT(claims, n, struct claim, prefix);
	places = reallocarray(NULL, n + 1, sizeof(*places));
	if (!places)
		return error_oom(err);
	for (size_t i = 0; i < n; i++) {
		const struct ip_prefix *prefix = &claims[i].prefix;

		while (at != NOBODY &&
		       !prefix_contains(&claims[places[at].claim].prefix, &prefix->addr))
			at = places[at].parent;
		if (at == NOBODY || claims[places[at].claim].prefix.len != prefix->len) {
			places[used] = (struct range_place){
				.claim = (uint32_t)i,
				.parent = at,
				.range = NOBODY,
				.range_inside = NOBODY,
				.address_inside = NOBODY,
			};
			at = used++;
		}
		claims[i].place = at;
	}
	*ret_tree = (struct range_tree){places, used};
	return 0;
}

struct order {
	claim_since_fn since;
	const void *data;
};

static int by_rank(const void *a, const void *b, void *data)
{
	const struct claim *one = a, *other = b;
	const struct order *order = data;
	uint64_t since, since_other;

	if (one->rank != other->rank)
		return one->rank < other->rank ? -1 : 1;
	since = order->since(one, order->data);
	since_other = order->since(other, order->data);
	if (since != since_other)
		return since < since_other ? -1 : 1;
	if (one->node != other->node)
		return one->node < other->node ? -1 : 1;
	return (int)other->is_address - (int)one->is_address;
}

void claims_sort(struct claim *claims, size_t n, claim_since_fn since, const void *data)
{
	struct order order = {since, data};

	if (n)
		qsort_r(claims, n, sizeof(*claims), by_rank, &order);
}

/* The node whose granted podCIDR is @at or around it. */
static uint32_t range_around(const struct range_tree *tree, uint32_t at)
{
	for (; at != NOBODY; at = tree->places[at].parent)
		if (tree->places[at].range != NOBODY)
			return tree->places[at].range;
	return NOBODY;
}

int range_tree_grant(struct range_tree *tree, const struct claim *claim,
		     struct range_rival *ret_rival)
{
	struct range_place *place = &tree->places[claim->place];
	uint32_t rival = range_around(tree, claim->place);

	if (rival == NOBODY && !claim->is_address)
		rival = place->range_inside;
	if (rival == NOBODY && !claim->is_address && place->address_inside != NOBODY) {
		*ret_rival = (struct range_rival){place->address_inside, true};
		return RANGE_TREE_REFUSED;
	}
	if (rival != NOBODY) {
		*ret_rival = (struct range_rival){rival, false};
		return RANGE_TREE_REFUSED;
	}
	if (!claim->is_address)
		place->range = claim->node;
	for (uint32_t at = claim->place; at != NOBODY; at = tree->places[at].parent) {
		uint32_t *inside = claim->is_address ? &tree->places[at].address_inside
						     : &tree->places[at].range_inside;

		if (*inside == NOBODY)
			*inside = claim->node;
	}
	return 0;
}
