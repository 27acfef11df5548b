/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent has thousands of routes of its own, so it remembers the least of each: a
 * struct own_route. */
#include "routes_known.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "deploy/agent/base/byte_sort.h"
#include "plugin/netlink/attr.h"
#include "plugin/netlink/build.h"

#define IP6_METRIC 1024 /* that a route of IPv6 has where none is given */

void own_routes_clear(struct own_routes *list)
{
	free(list->items);
	*list = (struct own_routes){};
}

static int by_dst(const void *a, const void *b)
{
	return own_route_cmp(a, b);
}

void own_routes_sort(struct own_routes *list)
{
	BYTE_SORT(list->items, list->n, struct own_route, dst);
}

const struct own_route *own_routes_find(const struct own_routes *list,
					const struct ip_prefix *dst)
{
	const struct own_route key = {.dst = *dst};

	return list->n ? bsearch(&key, list->items, list->n, sizeof(key), by_dst) : NULL;
}

void routes_known_clear(struct routes_known *known)
{
	kernel_routes_clear(&known->kernel);
	own_routes_clear(&known->ours);
	known->valid = false;
}

/* The metric of the agent's routes. */
static uint32_t metric_of(int family)
{
	return family == AF_INET6 ? IP6_METRIC : 0;
}

static bool is_plain(const struct kernel_route *told)
{
	const struct route *route = &told->route;
	bool v6 = route->dst.addr.family == AF_INET6;

	return told->type == RTN_UNICAST && told->hops == 1 && !told->nexthop &&
	       route->priority == metric_of(route->dst.addr.family) &&
	       route->scope ==
		       (v6 || route->gw.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
}

/* Shortens the list of the kernel's routes: of those behind @foreign, the ones stay that
 * are others than the agent makes. */
static void shorten(struct kernel_routes *kernel, bool odd)
{
	struct kernel_route_list *list = &kernel->list;
	struct kernel_route *fewer;
	size_t kept = kernel->foreign;

	for (size_t i = kept; odd && i < list->n; i++)
		if (!is_plain(&list->items[i]))
			list->items[kept++] = list->items[i];
	if (kept == list->n)
		return;
	list->n = kept;
	fewer = reallocarray(list->items, kept + 1, sizeof(*fewer));
	if (fewer)
		list->items = fewer;
}

int routes_known_read(struct routes_known *known, struct netlink *nl, int family,
		      struct cni_error *err)
{
	const struct kernel_route *first;
	struct own_routes *ours = &known->ours;
	size_t n;
	int ret;

	routes_known_clear(known);
	ret = kernel_routes_read(nl, family, &known->kernel, err);
	if (ret < 0)
		return ret;
	first = known->kernel.list.items + known->kernel.foreign;
	n = known->kernel.list.n - known->kernel.foreign;
	ours->items = reallocarray(NULL, n + 1, sizeof(*ours->items));
	if (!ours->items) {
		routes_known_clear(known);
		return error_oom(err);
	}
	for (ours->n = 0; ours->n < n; ours->n++)
		ours->items[ours->n] = (struct own_route){
			.dst = first[ours->n].route.dst,
			.gw = first[ours->n].route.gw,
			.index = first[ours->n].index,
		};
	shorten(&known->kernel, true);
	known->valid = true;
	return 0;
}

void routes_known_set(struct routes_known *known, const struct own_routes *ours)
{
	struct own_route *items = reallocarray(known->ours.items, ours->n + 1,
					       sizeof(*items));

	if (!items) {
		routes_known_clear(known);
		return;
	}
	memcpy(items, ours->items, ours->n * sizeof(*items));
	known->ours = (struct own_routes){items, ours->n};
	shorten(&known->kernel, false);
}

bool routes_known_has(const struct routes_known known[IP_FAMILIES],
		      const struct nlmsghdr *message, struct nlattr *const attrs[])
{
	const struct rtmsg *header = nlmsg_data(message);
	int family = header->rtm_family == AF_INET6;
	const struct own_route *has;
	struct own_route route = {.dst.len = header->rtm_dst_len};

	if (!known[family].valid)
		return false;
	get_ip(attrs[RTA_DST], header->rtm_family, &route.dst.addr);
	get_ip(attrs[RTA_GATEWAY], header->rtm_family, &route.gw);
	route.index = get_u32(attrs[RTA_OIF]);
	has = own_routes_find(&known[family].ours, &route.dst);
	if (message->nlmsg_type == RTM_DELROUTE)
		return !has;
	return has && own_route_leads(has, &route) &&
	       get_u32(attrs[RTA_PRIORITY]) == metric_of(header->rtm_family);
}
