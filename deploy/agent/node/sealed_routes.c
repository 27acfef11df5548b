/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The routes are few, as podCIDRs that lie side by side have one in common. They are
 * compared with the kernel's each time. */
#include "sealed_routes.h"

#include <linux/rtnetlink.h>

#define BATCH_MAX 256 /* messages of one send */

/* The work on one family, and on the routes of one metric. */
struct sync {
	struct netlink *nl;
	int family;
	uint32_t metric;
	const struct prefix_list *wanted;
	bool stay;
};

static bool is_sealed(const struct kernel_route *route, uint32_t metric)
{
	return route->protocol == ROUTE_PROTOCOL && route->type == RTN_UNREACHABLE &&
	       route->route.priority == metric && route->route.table == RT_TABLE_MAIN;
}

static int by_dst(const void *a, const void *b)
{
	return kernel_route_cmp(a, b);
}

static int by_prefix(const void *a, const void *b)
{
	const struct ip_prefix *one = a, *other = b;
	int order = ip_cmp(&one->addr, &other->addr);

	return order ? order : (int)one->len - (int)other->len;
}

/* Gives the routes of @list that have this metric, sorted by destination. */
static int of_metric(const struct kernel_route_list *list, uint32_t metric,
		     struct kernel_route_list *ret_list, struct cni_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += is_sealed(&list->items[i], metric);
	ret_list->items = calloc(n + 1, sizeof(*ret_list->items));
	if (!ret_list->items)
		return error_oom(err);
	for (size_t i = 0; i < list->n; i++)
		if (is_sealed(&list->items[i], metric))
			ret_list->items[ret_list->n++] = list->items[i];
	qsort(ret_list->items, n, sizeof(*ret_list->items), by_dst);
	return 0;
}

static bool has_route(const struct kernel_route_list *list, const struct ip_prefix *dst)
{
	const struct kernel_route key = {.route.dst = *dst};

	return list->n && bsearch(&key, list->items, list->n, sizeof(key), by_dst);
}

static bool has_prefix(const struct prefix_list *list, const struct ip_prefix *prefix)
{
	return list->n &&
	       bsearch(prefix, list->items, list->n, sizeof(*prefix), by_prefix);
}

/* Is the destination in one of the list? Those lie apart. */
static bool is_inside(const struct prefix_list *list, const struct ip_prefix *dst)
{
	size_t low = 0, high = list->n;

	/* The last one that begins at or before it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_cmp(&list->items[middle].addr, &dst->addr) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && list->items[low - 1].len < dst->len &&
	       prefix_contains(&list->items[low - 1], &dst->addr);
}

/* Sends what is queued once it is much, or @all of it. */
static int flush(struct netlink *nl, size_t *queued, bool all, struct cni_error *err)
{
	if (!*queued || (!all && *queued < BATCH_MAX))
		return 0;
	*queued = 0;
	return netlink_commit(nl, err);
}

static int sync_metric(const struct sync *sync, const struct kernel_route_list *all,
		       struct cni_error *err)
{
	_cleanup_(kernel_route_list_clear) struct kernel_route_list list = {};
	const struct prefix_list *wanted = sync->wanted;
	size_t queued = 0;
	int ret = of_metric(all, sync->metric, &list, err);

	for (size_t i = 0; ret == 0 && i < wanted->n; i++) {
		const struct kernel_route route = {
			.protocol = ROUTE_PROTOCOL,
			.type = RTN_UNREACHABLE,
			.route = {.dst = wanted->items[i], .priority = sync->metric},
		};

		if (wanted->items[i].addr.family != sync->family ||
		    has_route(&list, &wanted->items[i]))
			continue;
		queue_route_set(sync->nl, &route, false);
		queued++;
		ret = flush(sync->nl, &queued, false, err);
	}
	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct ip_prefix *dst = &list.items[i].route.dst;

		if (has_prefix(wanted, dst) || (sync->stay && !is_inside(wanted, dst)))
			continue;
		queue_route_del(sync->nl, &list.items[i]);
		queued++;
		ret = flush(sync->nl, &queued, false, err);
	}
	return ret < 0 ? ret : flush(sync->nl, &queued, true, err);
}

static int sync_family(struct netlink *nl, int family,
		       const struct sealed_prefixes *prefixes, struct cni_error *err)
{
	const struct sync syncs[] = {
		{nl, family, SEALED_METRIC_WHOLE, &prefixes->whole, false},
		{nl, family, SEALED_METRIC, &prefixes->cidrs, prefixes->stay},
	};
	_cleanup_(kernel_route_list_clear) struct kernel_route_list all = {};
	int ret = route_list_get_all(nl, family, &all, err);

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(syncs); i++)
		ret = sync_metric(&syncs[i], &all, err);
	return ret;
}

int sealed_routes_sync(struct netlink *nl, const struct sealed_prefixes *prefixes,
		       struct cni_error *err)
{
	int ret = 0;

	for (int i = 0; ret == 0 && i < IP_FAMILIES; i++)
		ret = sync_family(nl, ip_families[i], prefixes, err);
	netlink_discard(nl);
	return ret;
}
