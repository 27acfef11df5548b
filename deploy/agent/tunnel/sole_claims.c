/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In a sorted list equal claims are next to each other. */
#include "sole_claims.h"

#include <string.h>

#include "deploy/agent/base/byte_sort.h"

static struct sole_claim claim_of(const uint8_t *bytes, size_t len, uint32_t node)
{
	struct sole_claim claim = {.node = node};

	memcpy(claim.bytes, bytes, len);
	return claim;
}

static struct sole_claim address_claim(const struct ip_addr *addr, uint32_t node)
{
	return claim_of(addr->bytes, ip_size(addr->family), node);
}

static struct sole_claim mac_claim(const struct mac_addr *mac, uint32_t node)
{
	return claim_of(mac->bytes, MAC_LEN, node);
}

void sole_claims_add_address(struct sole_claims *list, const struct ip_addr *addr,
			     uint32_t node)
{
	list->items[list->n++] = address_claim(addr, node);
}

void sole_claims_add_mac(struct sole_claims *list, const struct mac_addr *mac,
			 uint32_t node)
{
	list->items[list->n++] = mac_claim(mac, node);
}

static int by_bytes(const void *a, const void *b)
{
	const struct sole_claim *one = a, *other = b;

	return memcmp(one->bytes, other->bytes, SOLE_BYTES);
}

void sole_claims_sort(struct sole_claims *list)
{
	BYTE_SORT(list->items, list->n, struct sole_claim, bytes);
}

void sole_claims_shared(const struct sole_claims *list, sole_claim_fn fn, void *data)
{
	const struct sole_claim *items = list->items;

	for (size_t i = 0; i < list->n; i++)
		if ((i && by_bytes(&items[i], &items[i - 1]) == 0) ||
		    (i + 1 < list->n && by_bytes(&items[i], &items[i + 1]) == 0))
			fn(items[i].node, data);
}

/* A Node may have claimed the same more than once. */
static bool is_of_other(const struct sole_claims *list, const struct sole_claim *claim)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_bytes(&list->items[middle], claim) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < list->n && by_bytes(&list->items[low], claim) == 0; low++)
		if (list->items[low].node != claim->node)
			return true;
	return false;
}

bool sole_claims_address_of_other(const struct sole_claims *list,
				  const struct ip_addr *addr, uint32_t node)
{
	struct sole_claim claim = address_claim(addr, node);

	return is_of_other(list, &claim);
}

bool sole_claims_mac_of_other(const struct sole_claims *list, const struct mac_addr *mac,
			      uint32_t node)
{
	struct sole_claim claim = mac_claim(mac, node);

	return is_of_other(list, &claim);
}
