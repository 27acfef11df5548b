/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sorted array; names are kept as hashes of 64 bits, as nobody chooses a Node's name
 * but who may make Nodes. */
#include "wireguard_owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/identity.h"
#include "deploy/agent/base/byte_sort.h"

struct reading {
	struct wireguard_owners *owners;
	size_t before; /* how many there were before it began */
	const struct tunnel_plan *plan;
};

void wireguard_owners_clear(struct wireguard_owners *owners)
{
	free(owners->items);
	*owners = (struct wireguard_owners){};
}

int wireguard_owners_add(struct wireguard_owners *owners, const struct wireguard_key *key,
			 const char *node, struct cni_error *err)
{
	struct wireguard_owner *item = LIST_ADD(owners);

	if (!item)
		return error_oom(err);
	*item = (struct wireguard_owner){*key, hash_text(node)};
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct wireguard_owner *one = a, *other = b;

	return memcmp(&one->key, &other->key, sizeof(one->key));
}

void wireguard_owners_settle(struct wireguard_owners *owners)
{
	BYTE_SORT(owners->items, owners->n, struct wireguard_owner, key);
}

bool wireguard_owners_has(const struct wireguard_owners *owners,
			  const struct wireguard_key *key, const char *node)
{
	const struct wireguard_owner wanted = {.key = *key};
	const struct wireguard_owner *found = owners->n ? bsearch(&wanted, owners->items,
								  owners->n,
								  sizeof(wanted), by_key)
							: NULL;

	return found && found->node == hash_text(node);
}

static int by_address(const void *a, const void *b)
{
	const struct tunnel_range *one = a, *other = b;

	return ip_cmp(&one->cidr.addr, &other->cidr.addr);
}

/* The range of a Node that is exactly this prefix; NULL: there is none. */
static const struct tunnel_range *range_find(const struct tunnel_plan *plan,
					     const struct ip_prefix *prefix)
{
	const struct tunnel_range wanted = {.cidr = *prefix};
	const struct tunnel_range *found = plan->n_ranges
						   ? bsearch(&wanted, plan->ranges,
							     plan->n_ranges,
							     sizeof(wanted), by_address)
						   : NULL;

	return found && prefix_equal(&found->cidr, prefix) ? found : NULL;
}

static int owner_take(const struct wireguard_peer *peer, void *data)
{
	struct reading *reading = data;
	const struct tunnel_range *owned = NULL;

	if (!peer) {
		reading->owners->n = reading->before;
		return 0;
	}
	for (size_t i = 0; i < peer->n_allowed; i++) {
		const struct tunnel_range *range = range_find(reading->plan,
							      &peer->allowed[i]);

		if (owned && range && range->peer != owned->peer)
			return 0;
		owned = range ? range : owned;
	}
	if (!owned)
		return 0;
	return wireguard_owners_add(reading->owners, &peer->key,
				    reading->plan->peers[owned->peer].node->name, NULL);
}

int wireguard_owners_read(struct wireguard_owners *owners, struct wireguard_genl *genl,
			  const struct link_known *link, const struct tunnel_plan *plan,
			  struct cni_error *err)
{
	_cleanup_(wireguard_device_wipe) struct wireguard_device device = {};
	struct reading reading = {owners, owners->n, plan};

	return wireguard_read(genl, link, owner_take, &reading, &device, err);
}
