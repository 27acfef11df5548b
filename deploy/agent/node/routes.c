/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wanted routes, sorted by destination, are compared with those that the kernel has. */
#include "routes.h"
#include "plugin/netlink/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* How many messages go into one send. The kernel's limit is in bytes; a message has some
 * 60. */
#define BATCH_MAX 256

const char *const route_problem_names[ROUTE_PROBLEMS] = {
	[ROUTE_FINE] = "none",
	[ROUTE_NO_CIDR] = "no-pod-cidr",
	[ROUTE_NO_ADDRESS] = "no-internal-ip",
	[ROUTE_NOT_ON_LINK] = "not-on-link",
	[ROUTE_TAKEN] = "foreign-route",
	[ROUTE_REFUSED] = "refused-pod-cidr",
	[ROUTE_OWN_ADDRESS] = "own-internal-ip",
	[ROUTE_BAD_ADDRESS] = "unusable-internal-ip",
	[ROUTE_ADDRESS_OF_PODS] = "internal-ip-of-pods",
};

/* The work on one family. */
struct sync {
	struct netlink *nl;
	int family; /* an index of ip_families[] */
	const struct node_table *nodes;
	const struct cluster_node *own; /* NULL: not known */
	route_problem_fn fn;
	void *data;
	struct routes_done *done;
	/* The kernel's routes: foreign ones first, then ours by destination. */
	struct kernel_route_list kernel;
	size_t foreign; /* how many are foreign */
	struct kernel_route *wanted; /* sorted by destination, and all apart */
	size_t n_wanted;
	size_t queued;
	int ret; /* of the first error, which @err has */
	struct cni_error *err;
};

static bool is_ours(const struct kernel_route *route)
{
	return route->protocol == ROUTE_PROTOCOL && route->route.table == RT_TABLE_MAIN;
}

static int cmp_dst(const struct kernel_route *a, const struct kernel_route *b)
{
	int order = ip_cmp(&a->route.dst.addr, &b->route.dst.addr);

	return order ? order : (int)a->route.dst.len - (int)b->route.dst.len;
}

static int by_owner(const void *a, const void *b)
{
	const struct kernel_route *one = a, *other = b;

	if (is_ours(one) != is_ours(other))
		return is_ours(one) ? 1 : -1;
	return cmp_dst(one, other);
}

static int by_dst(const void *a, const void *b)
{
	const struct kernel_route *one = a, *other = b;

	return cmp_dst(one, other);
}

/* The foreign route that a packet to @addr would take. NULL: there is none. */
static const struct kernel_route *look_up(const struct sync *sync,
					  const struct ip_addr *addr)
{
	const struct kernel_route *best = NULL;

	for (size_t i = 0; i < sync->foreign; i++) {
		const struct kernel_route *route = &sync->kernel.items[i];
		const struct route *is = &route->route;

		if (is->table != RT_TABLE_MAIN || !prefix_contains(&is->dst, addr))
			continue;
		if (!best || is->dst.len > best->route.dst.len ||
		    (is->dst.len == best->route.dst.len &&
		     is->priority < best->route.priority))
			best = route;
	}
	return best;
}

static bool is_taken(const struct sync *sync, const struct ip_prefix *dst)
{
	for (size_t i = 0; i < sync->foreign; i++)
		if (sync->kernel.items[i].route.table == RT_TABLE_MAIN &&
		    prefix_equal(&sync->kernel.items[i].route.dst, dst))
			return true;
	return false;
}

static void tell_problem(struct sync *sync, const struct cluster_node *node,
			 enum route_problem what)
{
	sync->done->problems[what]++;
	if (sync->fn)
		sync->fn(node, &node->cidrs[sync->family], what, sync->data);
}

/* Adds the route to @node to those that are wanted, or tells why there is none. */
static enum route_problem add_wanted(struct sync *sync, const struct cluster_node *node)
{
	const struct ip_prefix *cidr = &node->cidrs[sync->family];
	const struct ip_addr *gw = &node->addresses[sync->family];
	const struct kernel_route *link;

	if (!gw->family)
		return ROUTE_NO_ADDRESS;
	switch (node->internal[sync->family]) {
	case ADDRESS_OWN:
		return ROUTE_OWN_ADDRESS;
	case ADDRESS_OF_PODS:
		return ROUTE_ADDRESS_OF_PODS;
	case ADDRESS_UNUSABLE:
	case ADDRESS_UNKNOWN:
		return ROUTE_BAD_ADDRESS;
	case ADDRESS_USABLE:
		break;
	}
	if (node->ranges[sync->family] != RANGE_ACCEPTED)
		return ROUTE_REFUSED;
	if (sync->own && ip_equal(gw, &sync->own->addresses[sync->family]))
		return ROUTE_OWN_ADDRESS;
	link = look_up(sync, gw);
	if (!link || link->route.gw.family || !link->index)
		return ROUTE_NOT_ON_LINK;
	if (is_taken(sync, cidr))
		return ROUTE_TAKEN;
	sync->wanted[sync->n_wanted++] = (struct kernel_route){
		.index = link->index,
		.protocol = ROUTE_PROTOCOL,
		.route = {.dst = *cidr, .gw = *gw},
	};
	return ROUTE_FINE;
}

static int collect_wanted(struct sync *sync)
{
	const struct node_table *nodes = sync->nodes;

	sync->wanted = calloc(nodes->n + 1, sizeof(*sync->wanted));
	if (!sync->wanted)
		return error_oom(sync->err);
	for (size_t i = 0; i < nodes->n; i++) {
		const struct cluster_node *node = &nodes->items[i];
		enum route_problem what = ROUTE_FINE;

		if (node == sync->own)
			continue;
		if (node->cidrs[sync->family].addr.family)
			what = add_wanted(sync, node);
		else if (!node->cidrs[!sync->family].addr.family && sync->family == 0)
			what = ROUTE_NO_CIDR;
		if (what != ROUTE_FINE)
			tell_problem(sync, node, what);
	}
	qsort(sync->wanted, sync->n_wanted, sizeof(*sync->wanted), by_dst);
	return 0;
}

static void send_queued(struct sync *sync)
{
	int ret = netlink_commit(sync->nl, sync->ret == 0 ? sync->err : NULL);

	sync->queued = 0;
	if (sync->ret == 0)
		sync->ret = ret;
}

static void queued(struct sync *sync, size_t *counter)
{
	(*counter)++;
	if (++sync->queued == BATCH_MAX)
		send_queued(sync);
}

static void set_route(struct sync *sync, const struct kernel_route *wanted,
		      const struct kernel_route *is)
{
	sync->done->wanted++;
	if (is && is->index == wanted->index &&
	    ip_equal(&is->route.gw, &wanted->route.gw))
		return;
	queue_route_set(sync->nl, wanted, is);
	queued(sync, is ? &sync->done->changed : &sync->done->added);
}

static void remove_route(struct sync *sync, const struct kernel_route *route)
{
	queue_route_del(sync->nl, route);
	queued(sync, &sync->done->removed);
}

/* Both lists are sorted by destination, so one walk over both tells what differs. */
static void apply(struct sync *sync)
{
	const struct kernel_route *is = sync->kernel.items + sync->foreign;
	const struct kernel_route *end = sync->kernel.items + sync->kernel.n;

	for (size_t i = 0; i < sync->n_wanted; i++) {
		const struct kernel_route *wanted = &sync->wanted[i];

		while (is < end && cmp_dst(is, wanted) < 0)
			remove_route(sync, is++);
		if (is < end && cmp_dst(is, wanted) == 0)
			set_route(sync, wanted, is++);
		else
			set_route(sync, wanted, NULL);
	}
	while (is < end)
		remove_route(sync, is++);
	send_queued(sync);
}

/* Leaves one entry for each route. A route with several next hops has no single
 * interface: it is noted as if it had none. */
static void merge_next_hops(struct kernel_route_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct kernel_route route = list->items[i];

		if (route.hop > 0)
			continue;
		if (route.hops > 1) {
			route.index = 0;
			route.route.gw = (struct ip_addr){};
		}
		list->items[kept++] = route;
	}
	list->n = kept;
}

static int read_kernel(struct sync *sync)
{
	struct kernel_route_list *kernel = &sync->kernel;
	int ret = route_list_get(sync->nl, ip_families[sync->family], kernel, sync->err);

	if (ret < 0)
		return ret;
	merge_next_hops(kernel);
	if (kernel->n)
		qsort(kernel->items, kernel->n, sizeof(*kernel->items), by_owner);
	while (sync->foreign < kernel->n && !is_ours(&kernel->items[sync->foreign]))
		sync->foreign++;
	return 0;
}

static int sync_family(struct sync *sync)
{
	int ret = read_kernel(sync);

	if (ret == 0)
		ret = collect_wanted(sync);
	if (ret == 0) {
		apply(sync);
		ret = sync->ret;
	}
	kernel_route_list_clear(&sync->kernel);
	free(sync->wanted);
	return ret;
}

int routes_sync(struct netlink *nl, const struct node_table *nodes, const char *own,
		route_problem_fn fn, void *data, struct routes_done *ret_done,
		struct cni_error *err)
{
	int ret = 0;

	*ret_done = (struct routes_done){};
	for (int family = 0; family < IP_FAMILIES; family++) {
		struct sync sync = {
			.nl = nl,
			.family = family,
			.nodes = nodes,
			.own = node_table_find(nodes, own),
			.fn = fn,
			.data = data,
			.done = ret_done,
			.err = ret ? NULL : err,
		};
		int family_ret = sync_family(&sync);

		ret = ret ? ret : family_ret;
	}
	return ret;
}

int routes_remove_over(struct netlink *nl, const struct surroundings *around,
		       size_t *ret_removed, struct cni_error *err)
{
	struct routes_done done = {};
	int ret = 0;

	for (int family = 0; ret == 0 && family < IP_FAMILIES; family++) {
		struct sync sync = {
			.nl = nl, .family = family, .done = &done, .err = err};

		ret = read_kernel(&sync);
		for (size_t i = sync.foreign; ret == 0 && i < sync.kernel.n; i++)
			if (surroundings_overlap(around, &sync.kernel.items[i].route.dst))
				remove_route(&sync, &sync.kernel.items[i]);
		if (ret == 0) {
			send_queued(&sync);
			ret = sync.ret;
		}
		kernel_route_list_clear(&sync.kernel);
	}
	*ret_removed = done.removed;
	return ret;
}

int routes_remove(struct netlink *nl, size_t *ret_removed, struct cni_error *err)
{
	struct node_table none = {};
	struct routes_done done;
	int ret = routes_sync(nl, &none, "", NULL, NULL, &done, err);

	*ret_removed = done.removed;
	return ret;
}
