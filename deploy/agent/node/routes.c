/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wanted routes, sorted by destination, are compared with those that the kernel has,
 * as far as that is known. */
#include "routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* How many messages go into one send. The kernel's limit is in bytes; a message has some
 * 60. */
#define BATCH_MAX 256

/* The work on one family. */
struct sync {
	struct netlink *nl;
	int family; /* an index of ip_families[] */
	const struct node_table *nodes;
	const struct cluster_node *own; /* NULL: not known */
	const struct tunnel_plan *plan; /* NULL: there is no tunnel */
	route_problem_fn fn;
	void *data;
	struct routes_done *done;
	struct routes_known *known; /* of this family */
	struct own_routes wanted; /* sorted by destination, and all apart */
	size_t queued;
	bool refused; /* the kernel can't have one of the gateways */
	int ret; /* of the first error, which @err has */
	struct cni_error *err;
};

static void tell_problem(struct sync *sync, const struct cluster_node *node,
			 enum route_problem what)
{
	sync->done->problems[what]++;
	if (sync->fn)
		sync->fn(node, &node->cidrs[sync->family], what, sync->data);
}

/* The interface by which @gw is reached without a router; 0: there is none. */
static unsigned int link_to(const struct sync *sync, const struct ip_addr *gw)
{
	const struct kernel_route *link = kernel_routes_look_up(&sync->known->kernel, gw);

	return link && !link->route.gw.family ? link->index : 0;
}

/* Tells whether @node's InternalIP serves as a gateway, on a link that both share. */
static enum route_problem direct_problem(const struct sync *sync,
					 const struct cluster_node *node)
{
	const struct ip_addr *gw = &node->addresses[sync->family];
	enum route_problem problem = ROUTE_NO_ADDRESS;

	if (gw->family)
		problem = route_problem_of_address(node->internal[sync->family]);
	if (problem == ROUTE_FINE && sync->own &&
	    ip_equal(gw, &sync->own->addresses[sync->family]))
		return ROUTE_OWN_ADDRESS;
	return problem;
}

/* Adds a route to @cidr, which @node has or had. @direct: whether @gw serves as a
 * gateway. */
static enum route_problem add_route(struct sync *sync, const struct cluster_node *node,
				    const struct ip_prefix *cidr,
				    const struct ip_addr *gw, enum route_problem direct)
{
	struct tunnel_way way = {.gw = *gw};
	enum route_problem problem = direct;
	bool tunnel = sync->plan && tunnel_plan_prefers(sync->plan, node, sync->family);

	if (!tunnel && problem == ROUTE_FINE) {
		way.device = link_to(sync, gw);
		problem = way.device ? ROUTE_FINE : ROUTE_NOT_ON_LINK;
	}
	if (tunnel || (sync->plan && problem != ROUTE_FINE)) {
		problem = tunnel_plan_way(sync->plan, node, cidr, &way);
		tunnel = true;
	}
	if (problem != ROUTE_FINE)
		return problem;
	if (kernel_routes_taken(&sync->known->kernel, cidr))
		return ROUTE_TAKEN;
	sync->wanted.items[sync->wanted.n++] = (struct own_route){
		.dst = *cidr,
		.gw = way.gw,
		.index = way.device,
		.node = (uint32_t)(node - sync->nodes->items),
		.onlink = tunnel && way.gw.family,
	};
	return ROUTE_FINE;
}

/* Adds the route to @node to those that are wanted, or tells why there is none. */
static enum route_problem add_wanted(struct sync *sync, const struct cluster_node *node)
{
	enum route_problem direct = direct_problem(sync, node);

	if (node->ranges[sync->family] != RANGE_ACCEPTED)
		return direct == ROUTE_FINE || sync->plan ? ROUTE_REFUSED : direct;
	return add_route(sync, node, &node->cidrs[sync->family],
			 &node->addresses[sync->family], direct);
}

/* Former podCIDRs lie apart from all that are used. Whoever has no route to one may have
 * one to the Node's present one, and so it is no problem of the Node's. */
static void add_former(struct sync *sync)
{
	const struct former_ranges *list = &sync->nodes->former;

	for (size_t i = 0; i < list->n; i++) {
		const struct former_range *item = &list->items[i];

		if (item->routed && item->cidr.addr.family == ip_families[sync->family])
			(void)add_route(sync, node_table_find(sync->nodes, item->node),
					&item->cidr, &item->gateway, ROUTE_FINE);
	}
}

static int collect_wanted(struct sync *sync)
{
	const struct node_table *nodes = sync->nodes;
	const uint32_t *order = nodes->orders.cidrs[sync->family];

	sync->wanted.items = reallocarray(NULL, nodes->n + nodes->former.n + 1,
					  sizeof(*sync->wanted.items));
	if (!sync->wanted.items)
		return error_oom(sync->err);
	for (size_t i = 0; i < nodes->n; i++) {
		const struct cluster_node *node = node_ordered(nodes, order, i);
		enum route_problem what = ROUTE_FINE;

		if (sync->plan && i + FETCH_AHEAD < nodes->n)
			fetch(&sync->plan->peers[order[i + FETCH_AHEAD]],
			      sizeof(*sync->plan->peers));

		if (node == sync->own)
			continue;
		if (node->cidrs[sync->family].addr.family)
			what = add_wanted(sync, node);
		else if (!node->cidrs[!sync->family].addr.family && sync->family == 0)
			what = ROUTE_NO_CIDR;
		if (what != ROUTE_FINE)
			tell_problem(sync, node, what);
	}
	add_former(sync);
	own_routes_sort(&sync->wanted);
	return 0;
}

/* The kernel can't have a route by that gateway: its Node says what isn't so. */
static bool is_of_gateway(int ret)
{
	return ret == -EINVAL || ret == -ENETUNREACH || ret == -EHOSTUNREACH ||
	       ret == -ENETDOWN;
}

/* Keeps the first error. */
static void note_error(struct sync *sync, int ret, const struct cni_error *err)
{
	if (sync->ret == 0 && sync->err)
		*sync->err = *err;
	if (sync->ret == 0)
		sync->ret = ret;
}

static void send_queued(struct sync *sync)
{
	struct cni_error err = {};
	int ret = netlink_commit(sync->nl, &err);

	sync->queued = 0;
	if (ret < 0 && is_of_gateway(ret))
		sync->refused = true;
	else if (ret < 0)
		note_error(sync, ret, &err);
}

static void queued(struct sync *sync, size_t *counter)
{
	(*counter)++;
	if (++sync->queued == BATCH_MAX)
		send_queued(sync);
}

static struct kernel_route message_of(const struct own_route *route)
{
	return (struct kernel_route){
		.index = route->index,
		.protocol = ROUTE_PROTOCOL,
		.onlink = route->onlink,
		.hops = 1,
		.route = {.dst = route->dst, .gw = route->gw},
	};
}

static void set_route(struct sync *sync, const struct own_route *wanted,
		      const struct own_route *is)
{
	const struct kernel_route message = message_of(wanted);

	queue_route_set(sync->nl, &message, is);
	queued(sync, is ? &sync->done->changed : &sync->done->added);
}

/* A route that the kernel has just told of may be another one than the agent makes. */
static void remove_route(struct sync *sync, const struct own_route *route)
{
	const struct kernel_route *told = kernel_routes_ours(&sync->known->kernel,
							     &route->dst);
	const struct kernel_route message = message_of(route);

	queue_route_del(sync->nl, told ? told : &message);
	queued(sync, &sync->done->removed);
}

/* Both lists are sorted by destination, so one walk over both tells what differs. */
static void apply(struct sync *sync)
{
	const struct own_route *is = sync->known->ours.items;
	const struct own_route *end = is + sync->known->ours.n;

	sync->done->wanted += sync->wanted.n;
	for (size_t i = 0; i < sync->wanted.n; i++) {
		const struct own_route *wanted = &sync->wanted.items[i];
		int order = 1;

		while (is < end && (order = own_route_cmp(is, wanted)) < 0)
			remove_route(sync, is++);
		if (is == end || order > 0)
			set_route(sync, wanted, NULL);
		else if (own_route_leads(is, wanted))
			is++;
		else
			set_route(sync, wanted, is++);
	}
	while (is < end)
		remove_route(sync, is++);
	send_queued(sync);
}

/* Tries a route by itself that was not set together with others. */
static void try_alone(struct sync *sync, const struct own_route *wanted)
{
	const struct own_route *is = own_routes_find(&sync->known->ours, &wanted->dst);
	const struct kernel_route message = message_of(wanted);
	struct cni_error err = {};
	int ret;

	if (is && own_route_leads(is, wanted))
		return;
	queue_route_set(sync->nl, &message, is);
	ret = netlink_commit(sync->nl, &err);
	if (ret < 0 && !is_of_gateway(ret))
		note_error(sync, ret, &err);
	if (ret == 0 || !is_of_gateway(ret))
		return;
	*(is ? &sync->done->changed : &sync->done->added) -= 1;
	sync->done->wanted--;
	tell_problem(sync, &sync->nodes->items[wanted->node], ROUTE_BY_KERNEL);
	/* The Node has another address than the route that is there. */
	if (is)
		remove_route(sync, is);
}

/* The kernel has refused one of several routes. Finds out which Node's it is, so that the
 * other Nodes get theirs. */
static int find_refused(struct sync *sync)
{
	int ret = routes_known_read(sync->known, sync->nl, ip_families[sync->family],
				    sync->err);

	for (size_t i = 0; ret == 0 && i < sync->wanted.n; i++)
		try_alone(sync, &sync->wanted.items[i]);
	if (ret == 0)
		send_queued(sync);
	return ret;
}

/* Makes the routes those that are wanted. ROUTES_AGAIN. */
static int follow(struct sync *sync, bool remembered)
{
	int ret = 0;

	apply(sync);
	if (remembered && (sync->refused || sync->ret)) {
		error_clear(sync->err);
		return ROUTES_AGAIN;
	}
	if (sync->refused)
		ret = find_refused(sync);
	return ret ? ret : sync->ret;
}

static int sync_family(struct sync *sync)
{
	bool remembered = sync->known->valid;
	int ret = 0;

	if (!remembered)
		ret = routes_known_read(sync->known, sync->nl, ip_families[sync->family],
					sync->err);
	if (ret == 0)
		ret = collect_wanted(sync);
	if (ret == 0)
		ret = follow(sync, remembered);
	if (ret == 0 && !sync->refused)
		routes_known_set(sync->known, &sync->wanted);
	else
		routes_known_clear(sync->known);
	own_routes_clear(&sync->wanted);
	return ret;
}

int routes_sync(struct netlink *nl, const struct node_table *nodes, const char *own,
		const struct tunnel_plan *plan, struct routes_known known[IP_FAMILIES],
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
			.plan = plan,
			.known = &known[family],
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
		struct routes_known known = {};
		struct sync sync = {.nl = nl,
				    .family = family,
				    .known = &known,
				    .done = &done,
				    .err = err};

		ret = routes_known_read(&known, nl, ip_families[family], err);
		for (size_t i = 0; ret == 0 && i < known.ours.n; i++)
			if (surroundings_overlap(around, &known.ours.items[i].dst))
				remove_route(&sync, &known.ours.items[i]);
		if (ret == 0) {
			send_queued(&sync);
			ret = sync.ret;
		}
		routes_known_clear(&known);
	}
	*ret_removed = done.removed;
	return ret;
}

int routes_remove(struct netlink *nl, size_t *ret_removed, struct cni_error *err)
{
	struct routes_known known[IP_FAMILIES] = {};
	struct node_table none = {};
	struct routes_done done;
	int ret = routes_sync(nl, &none, "", NULL, known, NULL, NULL, &done, err);

	for (int i = 0; i < IP_FAMILIES; i++)
		routes_known_clear(&known[i]);
	*ret_removed = done.removed;
	return ret;
}
