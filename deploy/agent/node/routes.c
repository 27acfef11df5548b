/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wanted, by destination, held against what the kernel has. */
#include "routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* So many go into one send: the kernel's limit is in bytes, some 60 a message. */
#define BATCH_MAX 256

const char *const route_problem_names[ROUTE_PROBLEMS] = {
	[ROUTE_FINE] = "none",
	[ROUTE_NO_CIDR] = "no-pod-cidr",
	[ROUTE_NO_ADDRESS] = "no-internal-ip",
	[ROUTE_NOT_ON_LINK] = "not-on-link",
	[ROUTE_TAKEN] = "foreign-route",
	[ROUTE_OVERLAP] = "overlapping-pod-cidr",
	[ROUTE_OWN_ADDRESS] = "own-internal-ip",
};

static const int families[FAMILIES] = {AF_INET, AF_INET6};

struct want {
	struct kernel_route route;
	const struct cluster_node *node;
};

/* One family's. */
struct sync {
	struct netlink *nl;
	int family; /* an index of families[] */
	const struct node_table *nodes;
	const struct cluster_node *own; /* NULL: not known */
	route_problem_fn fn;
	void *data;
	struct routes_done *done;
	struct kernel_route_list kernel; /* others' first, then ours by destination */
	size_t foreign; /* so many are others' */
	struct want *wanted; /* by destination */
	size_t n_wanted;
	size_t queued;
	int ret; /* the first error */
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

/* Two nodes with one podCIDR: the first by name has it. */
static int by_dst(const void *a, const void *b)
{
	const struct want *one = a, *other = b;
	int order = cmp_dst(&one->route, &other->route);

	return order ? order : (one->node > other->node) - (one->node < other->node);
}

/* Which of the others' routes would a packet to @addr take? NULL: none. */
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

/* A podCIDR that would lead this node's own traffic, or the way to the node itself, astray. */
static bool is_harmful(const struct sync *sync, const struct cluster_node *node)
{
	const struct ip_prefix *cidr = &node->cidrs[sync->family];
	const struct cluster_node *own = sync->own;

	if (prefix_contains(cidr, &node->addresses[sync->family]))
		return true;
	return own && (prefix_contains(cidr, &own->addresses[sync->family]) ||
		       prefix_contains(cidr, &own->cidrs[sync->family].addr) ||
		       prefix_contains(&own->cidrs[sync->family], &cidr->addr));
}

static void problem(struct sync *sync, const struct cluster_node *node,
		    enum route_problem what)
{
	sync->done->problems[what]++;
	if (sync->fn)
		sync->fn(node, &node->cidrs[sync->family], &node->addresses[sync->family],
			 what, sync->data);
}

static enum route_problem want(struct sync *sync, const struct cluster_node *node)
{
	const struct ip_prefix *cidr = &node->cidrs[sync->family];
	const struct ip_addr *gw = &node->addresses[sync->family];
	const struct kernel_route *link;

	if (!gw->family)
		return ROUTE_NO_ADDRESS;
	if (sync->own && ip_equal(gw, &sync->own->addresses[sync->family]))
		return ROUTE_OWN_ADDRESS;
	if (is_harmful(sync, node))
		return ROUTE_OVERLAP;
	link = look_up(sync, gw);
	if (!link || link->route.gw.family || !link->index)
		return ROUTE_NOT_ON_LINK;
	if (is_taken(sync, cidr))
		return ROUTE_TAKEN;
	sync->wanted[sync->n_wanted++] = (struct want){
		.node = node,
		.route =
			{
				.index = link->index,
				.protocol = ROUTE_PROTOCOL,
				.route = {.dst = *cidr, .gw = *gw},
			},
	};
	return ROUTE_FINE;
}

static int collect(struct sync *sync)
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
			what = want(sync, node);
		else if (!node->cidrs[!sync->family].addr.family && sync->family == 0)
			what = ROUTE_NO_CIDR;
		if (what != ROUTE_FINE)
			problem(sync, node, what);
	}
	qsort(sync->wanted, sync->n_wanted, sizeof(*sync->wanted), by_dst);
	return 0;
}

static void flush(struct sync *sync)
{
	struct cni_error own = {};
	int r = netlink_commit(sync->nl, &own);

	sync->queued = 0;
	if (r < 0 && sync->ret == 0) {
		sync->ret = r;
		*sync->err = own;
	}
}

static void count(struct sync *sync, size_t *counter)
{
	(*counter)++;
	if (++sync->queued == BATCH_MAX)
		flush(sync);
}

static void set(struct sync *sync, const struct kernel_route *wanted,
		const struct kernel_route *is)
{
	sync->done->uplink = wanted->index;
	sync->done->wanted++;
	if (is && is->index == wanted->index &&
	    ip_equal(&is->route.gw, &wanted->route.gw))
		return;
	queue_route_set(sync->nl, wanted, is);
	count(sync, is ? &sync->done->changed : &sync->done->added);
}

static void take_away(struct sync *sync, const struct kernel_route *route)
{
	queue_route_del(sync->nl, route);
	count(sync, &sync->done->removed);
}

/* Both lists are sorted by destination: one walk over both. */
static void apply(struct sync *sync)
{
	const struct kernel_route *is = sync->kernel.items + sync->foreign;
	const struct kernel_route *end = sync->kernel.items + sync->kernel.n;

	for (size_t i = 0; i < sync->n_wanted; i++) {
		const struct kernel_route *wanted = &sync->wanted[i].route;

		if (i > 0 && cmp_dst(wanted, &sync->wanted[i - 1].route) == 0) {
			problem(sync, sync->wanted[i].node, ROUTE_OVERLAP);
			continue;
		}
		while (is < end && cmp_dst(is, wanted) < 0)
			take_away(sync, is++);
		if (is < end && cmp_dst(is, wanted) == 0)
			set(sync, wanted, is++);
		else
			set(sync, wanted, NULL);
	}
	while (is < end)
		take_away(sync, is++);
	flush(sync);
}

/* Leaves one entry a route. A route of several next hops has no single interface: it is noted
 * as on none. */
static void fold(struct kernel_route_list *list)
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
	int r = route_list_get(sync->nl, families[sync->family], kernel, sync->err);

	if (r < 0)
		return r;
	fold(kernel);
	if (kernel->n)
		qsort(kernel->items, kernel->n, sizeof(*kernel->items), by_owner);
	while (sync->foreign < kernel->n && !is_ours(&kernel->items[sync->foreign]))
		sync->foreign++;
	return 0;
}

static int sync_family(struct sync *sync)
{
	int r = read_kernel(sync);

	if (r == 0)
		r = collect(sync);
	if (r == 0) {
		apply(sync);
		r = sync->ret;
	}
	kernel_route_list_clear(&sync->kernel);
	free(sync->wanted);
	return r;
}

int routes_sync(struct netlink *nl, const struct node_table *nodes, const char *own,
		route_problem_fn fn, void *data, struct routes_done *ret_done,
		struct cni_error *err)
{
	struct cni_error second = {};
	int ret = 0;

	*ret_done = (struct routes_done){};
	for (int family = 0; family < FAMILIES; family++) {
		struct sync sync = {
			.nl = nl,
			.family = family,
			.nodes = nodes,
			.own = node_table_find(nodes, own),
			.fn = fn,
			.data = data,
			.done = ret_done,
			.err = ret ? &second : err,
		};
		int r = sync_family(&sync);

		ret = ret ? ret : r;
	}
	return ret;
}

int routes_remove(struct netlink *nl, size_t *ret_removed, struct cni_error *err)
{
	struct node_table none = {};
	struct routes_done done;
	int r = routes_sync(nl, &none, "", NULL, NULL, &done, err);

	*ret_removed = done.removed;
	return r;
}
