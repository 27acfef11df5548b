/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wanted peers, sorted by key, are looked up one by one as the kernel names its
 * own. */
#include "wireguard_peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"

struct comparison {
	struct wireguard_peer *wanted;
	size_t n;
	struct wireguard_changes changes;
};

void wireguard_changes_clear(struct wireguard_changes *changes)
{
	free(changes->items);
	*changes = (struct wireguard_changes){};
}

static int by_key(const void *a, const void *b)
{
	const struct wireguard_peer *one = a, *other = b;

	return memcmp(&one->key, &other->key, sizeof(one->key));
}

/* The prefixes of a peer are few, and stand in any order. */
static bool allows(const struct wireguard_peer *peer, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < peer->n_allowed; i++)
		if (prefix_equal(&peer->allowed[i], prefix))
			return true;
	return false;
}

static bool is_right(const struct wireguard_peer *has,
		     const struct wireguard_peer *wanted)
{
	if (!ip_equal(&has->endpoint, &wanted->endpoint) || has->port != wanted->port ||
	    has->n_allowed != wanted->n_allowed)
		return false;
	for (size_t i = 0; i < wanted->n_allowed; i++)
		if (!allows(has, &wanted->allowed[i]))
			return false;
	return true;
}

static int change(struct comparison *comparison, const struct wireguard_peer *peer)
{
	struct wireguard_peer *item = LIST_ADD(&comparison->changes);

	if (!item)
		return -ENOMEM;
	*item = *peer;
	return 0;
}

static int compare(const struct wireguard_peer *has, void *data)
{
	struct comparison *comparison = data;
	struct wireguard_peer *wanted;

	if (!has) {
		comparison->changes.n = 0;
		for (size_t i = 0; i < comparison->n; i++)
			comparison->wanted[i].handshake = WIREGUARD_PEER_ABSENT;
		return 0;
	}
	wanted = bsearch(has, comparison->wanted, comparison->n, sizeof(*wanted), by_key);
	if (!wanted)
		return change(comparison,
			      &(struct wireguard_peer){.key = has->key, .remove = true});
	wanted->handshake = has->handshake;
	return is_right(has, wanted) ? 0 : change(comparison, wanted);
}

int wireguard_peers_compare(struct wireguard_genl *genl, const struct link_known *link,
			    struct wireguard_peer *wanted, size_t n,
			    struct wireguard_changes *ret_changes,
			    struct wireguard_device *ret_device, struct cni_error *err)
{
	_cleanup_(wireguard_device_wipe) struct wireguard_device device = {};
	struct comparison comparison = {.wanted = wanted, .n = n};
	int ret;

	if (n > 1)
		qsort(wanted, n, sizeof(*wanted), by_key);
	ret = wireguard_read(genl, link, compare, &comparison, &device, err);
	for (size_t i = 0; ret == 0 && i < n; i++)
		if (wanted[i].handshake == WIREGUARD_PEER_ABSENT &&
		    change(&comparison, &wanted[i]) < 0)
			ret = error_oom(err);
	if (ret < 0) {
		wireguard_changes_clear(&comparison.changes);
		return ret;
	}
	*ret_changes = comparison.changes;
	*ret_device = device;
	return 0;
}

/* -- what they are, in a number */

#define HASH_START UINT64_C(14695981039346656037) /* FNV-1a */
#define HASH_PRIME UINT64_C(1099511628211)

static uint64_t hash(uint64_t from, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		from = (from ^ at[i]) * HASH_PRIME;
	return from;
}

static uint64_t prefix_hash(uint64_t from, const struct ip_addr *addr, unsigned int len)
{
	from = hash(from, &addr->family, sizeof(addr->family));
	from = hash(from, addr->bytes, sizeof(addr->bytes));
	return hash(from, &len, sizeof(len));
}

/* Sums do without an order, and each summand begins with the peer's key. */
uint64_t wireguard_peers_sum(const struct wireguard_peer *peers, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		const struct wireguard_peer *peer = &peers[i];
		uint64_t key = hash(HASH_START, &peer->key, sizeof(peer->key));

		sum += prefix_hash(key, &peer->endpoint, peer->port);
		for (size_t k = 0; k < peer->n_allowed; k++)
			sum += prefix_hash(~key, &peer->allowed[k].addr,
					   peer->allowed[k].len);
	}
	return sum;
}
