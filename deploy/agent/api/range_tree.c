/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In the order of addresses, wider prefixes first, a prefix stands behind those around it
 * and before those inside it. */
#include "range_tree.h"

#include <stdlib.h>

#define NOBODY RANGE_TREE_NOBODY

void range_tree_clear(struct range_tree *tree)
{
	free(tree->places);
	*tree = (struct range_tree){};
}

static int by_prefix(const void *a, const void *b)
{
	const struct claim *one = a, *other = b;
	int order = ip_cmp(&one->prefix.addr, &other->prefix.addr);

	return order ? order : (int)one->prefix.len - (int)other->prefix.len;
}

int range_tree_make(struct claim *claims, size_t n, struct range_tree *ret_tree,
		    struct cni_error *err)
{
	struct range_place *places = calloc(n + 1, sizeof(*places));
	uint32_t at = NOBODY, used = 0;

	if (!places)
		return error_oom(err);
	if (n)
		qsort(claims, n, sizeof(*claims), by_prefix);
	for (size_t i = 0; i < n; i++) {
		const struct ip_prefix *prefix = &claims[i].prefix;

		while (at != NOBODY &&
		       !prefix_contains(&places[at].prefix, &prefix->addr))
			at = places[at].parent;
		if (at == NOBODY || places[at].prefix.len != prefix->len) {
			places[used] = (struct range_place){
				.prefix = *prefix,
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

static int by_rank(const void *a, const void *b)
{
	const struct claim *one = a, *other = b;

	if (one->rank != other->rank)
		return one->rank < other->rank ? -1 : 1;
	if (one->since != other->since)
		return one->since < other->since ? -1 : 1;
	if (one->node != other->node)
		return one->node < other->node ? -1 : 1;
	return (int)other->is_address - (int)one->is_address;
}

void claims_sort(struct claim *claims, size_t n)
{
	if (n)
		qsort(claims, n, sizeof(*claims), by_rank);
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
