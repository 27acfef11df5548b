/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sorted array. Two devices of one node have the same peers, and lead to the same
 * nodes. */
#include "wireguard_ways.h"

#include <errno.h>
#include <stdlib.h>

#include "conf/base/list.h"

struct reading {
	struct wireguard_ways *ways;
	size_t before; /* how many there were before it began */
};

void wireguard_ways_clear(struct wireguard_ways *ways)
{
	free(ways->items);
	*ways = (struct wireguard_ways){};
}

static int way_take(const struct wireguard_peer *peer, void *data)
{
	struct reading *reading = data;

	if (!peer)
		reading->ways->n = reading->before;
	for (size_t i = 0; peer && peer->endpoint.family && i < peer->n_allowed; i++) {
		struct wireguard_way *way = LIST_ADD(reading->ways);

		if (!way)
			return -ENOMEM;
		*way = (struct wireguard_way){peer->allowed[i], peer->endpoint};
	}
	return 0;
}

int wireguard_ways_read(struct wireguard_ways *ways, struct wireguard_genl *genl,
			const struct link_known *link, struct cni_error *err)
{
	_cleanup_(wireguard_device_wipe) struct wireguard_device device = {};
	struct reading reading = {ways, ways->n};

	return wireguard_read(genl, link, way_take, &reading, &device, err);
}

static int by_prefix(const void *a, const void *b)
{
	const struct wireguard_way *one = a, *other = b;
	int order = ip_cmp(&one->to.addr, &other->to.addr);

	return order ? order : (int)one->to.len - (int)other->to.len;
}

void wireguard_ways_settle(struct wireguard_ways *ways)
{
	if (ways->n)
		qsort(ways->items, ways->n, sizeof(*ways->items), by_prefix);
}

struct ip_addr wireguard_ways_find(const struct wireguard_ways *ways,
				   const struct ip_prefix *to)
{
	const struct wireguard_way wanted = {.to = *to};
	const struct wireguard_way *found = ways->n ? bsearch(&wanted, ways->items,
							      ways->n, sizeof(wanted),
							      by_prefix)
						    : NULL;

	return found ? found->endpoint : (struct ip_addr){};
}
