/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sorted arrays. Prefixes are nested or apart: without the nested ones, each has at most
 * one neighbour that a look-up must see. */
#include "surroundings.h"

#include <string.h>
#include <sys/socket.h>

#include "conf/base/list.h"

void surroundings_clear(struct surroundings *around)
{
	free(around->obstacles.items);
	free(around->taken.items);
	free(around->held.items);
	*around = (struct surroundings){};
}

static int obstacle_add(struct surroundings *around, const struct ip_prefix *prefix,
			enum range_verdict why, const char *interface,
			struct cni_error *err)
{
	struct obstacle *item = LIST_ADD(&around->obstacles);

	if (!item)
		return error_oom(err);
	item->prefix = prefix_network(prefix);
	item->why = why;
	memcpy(item->interface, interface, strnlen(interface, IF_NAMESIZE - 1));
	return 0;
}

static int taken_add(struct surroundings *around, struct ip_addr addr,
		     enum address_verdict why, struct cni_error *err)
{
	struct taken_address *item = LIST_ADD(&around->taken);

	if (!item)
		return error_oom(err);
	*item = (struct taken_address){addr, why};
	return 0;
}

/* The first and the last address of a network are no host's: the network's own, which is
 * its routers' in IPv6, and IPv4's broadcast. */
static int edges_add(struct surroundings *around, const struct ip_prefix *address,
		     struct cni_error *err)
{
	int family = address->addr.family, ret;

	if (address->len + 2U > ip_bits(family))
		return 0;
	ret = taken_add(around, prefix_network(address).addr, ADDRESS_UNUSABLE, err);
	if (ret == 0 && family == AF_INET)
		ret = taken_add(around, prefix_last(address), ADDRESS_UNUSABLE, err);
	return ret;
}

static bool has_cluster(const struct ip_prefix *network,
			const struct prefix_list *cluster)
{
	for (size_t i = 0; i < cluster->n; i++)
		if (cluster->items[i].len > network->len &&
		    prefix_contains(network, &cluster->items[i].addr))
			return true;
	return false;
}

int surroundings_add_address(struct surroundings *around, const struct ip_prefix *address,
			     const char *interface, bool of_pods,
			     const struct prefix_list *cluster, struct cni_error *err)
{
	struct ip_prefix whole = {address->addr, ip_bits(address->addr.family)};
	int ret = taken_add(around, address->addr, ADDRESS_OWN, err);

	if (ret == 0)
		ret = edges_add(around, address, err);
	if (ret == 0 && !of_pods)
		ret = obstacle_add(around,
				   has_cluster(address, cluster) ? &whole : address,
				   RANGE_NODE_NETWORK, interface, err);
	return ret;
}

int surroundings_add_network(struct surroundings *around, const struct ip_prefix *network,
			     const char *interface, const struct prefix_list *cluster,
			     struct cni_error *err)
{
	if (has_cluster(network, cluster))
		return 0;
	return obstacle_add(around, network, RANGE_NODE_NETWORK, interface, err);
}

int surroundings_add_host(struct surroundings *around, const struct ip_addr *addr,
			  enum range_verdict why, const char *interface,
			  struct cni_error *err)
{
	struct ip_prefix whole = {*addr, ip_bits(addr->family)};

	return obstacle_add(around, &whole, why, interface, err);
}

int surroundings_add_held(struct surroundings *around, const struct held_range *held,
			  struct cni_error *err)
{
	struct held_range *item = LIST_ADD(&around->held);

	if (!item)
		return error_oom(err);
	*item = *held;
	return 0;
}

/* -- sorted */

static int prefix_cmp(const struct ip_prefix *a, const struct ip_prefix *b)
{
	int order = ip_cmp(&a->addr, &b->addr);

	return order ? order : (int)a->len - (int)b->len;
}

/* A wider prefix sorts before those inside it. Of two reasons for one prefix the first
 * one is told. */
static int by_prefix(const void *a, const void *b)
{
	const struct obstacle *one = a, *other = b;
	int order = prefix_cmp(&one->prefix, &other->prefix);

	return order ? order : (int)one->why - (int)other->why;
}

/* An address of this node may be the first one of its network, too. */
static int by_address(const void *a, const void *b)
{
	const struct taken_address *one = a, *other = b;
	int order = ip_cmp(&one->addr, &other->addr);

	return order			? order
	       : one->why != other->why ? (one->why == ADDRESS_OWN ? -1 : 1)
					: 0;
}

static int by_cidr(const void *a, const void *b)
{
	const struct held_range *one = a, *other = b;
	int order = prefix_cmp(&one->cidr, &other->cidr);

	return order ? order : ip_cmp(&one->gateway, &other->gateway);
}

void surroundings_settle(struct surroundings *around)
{
	struct obstacle_list *obstacles = &around->obstacles;
	struct taken_list *taken = &around->taken;
	size_t kept = 0;

	if (obstacles->n)
		qsort(obstacles->items, obstacles->n, sizeof(*obstacles->items),
		      by_prefix);
	for (size_t i = 0; i < obstacles->n; i++) {
		const struct obstacle *item = &obstacles->items[i];

		if (kept && prefix_contains(&obstacles->items[kept - 1].prefix,
					    &item->prefix.addr))
			continue;
		obstacles->items[kept++] = *item;
	}
	obstacles->n = kept;
	kept = 0;
	if (taken->n)
		qsort(taken->items, taken->n, sizeof(*taken->items), by_address);
	for (size_t i = 0; i < taken->n; i++)
		if (!kept ||
		    !ip_equal(&taken->items[kept - 1].addr, &taken->items[i].addr))
			taken->items[kept++] = taken->items[i];
	taken->n = kept;
	if (around->held.n)
		qsort(around->held.items, around->held.n, sizeof(*around->held.items),
		      by_cidr);
}

const struct obstacle *surroundings_overlap(const struct surroundings *around,
					    const struct ip_prefix *prefix)
{
	const struct obstacle *items = around->obstacles.items, *before, *behind;
	size_t low = 0, high = around->obstacles.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_cmp(&items[middle].prefix.addr, &prefix->addr) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* The one before begins at @prefix or before it, the one behind after it. */
	before = low > 0 ? &items[low - 1] : NULL;
	behind = low < around->obstacles.n ? &items[low] : NULL;
	if (before && prefix_overlaps(&before->prefix, prefix))
		return before;
	return behind && prefix_overlaps(&behind->prefix, prefix) ? behind : NULL;
}

static int find_address(const void *key, const void *item)
{
	return ip_cmp(key, &((const struct taken_address *)item)->addr);
}

enum address_verdict surroundings_address(const struct surroundings *around,
					  const struct ip_addr *addr)
{
	const struct taken_list *taken = &around->taken;
	const struct taken_address *found =
		taken->n ? bsearch(addr, taken->items, taken->n, sizeof(*taken->items),
				   find_address)
			 : NULL;

	return found ? found->why : ADDRESS_USABLE;
}

bool surroundings_holds(const struct surroundings *around, const struct held_range *held)
{
	return around->held.n && bsearch(held, around->held.items, around->held.n,
					 sizeof(*around->held.items), by_cidr);
}
