/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads routes, with an entry for each next hop. A route has its next hops in itself or
 * as a nexthop object, of which the kernel may tell the number alone
 * (net.ipv4.nexthop_compat_mode=0).
 */
#include "route.h"

#include <errno.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "attr.h"
#include "build.h"
#include "conf/base/list.h"
#include "fib.h"

/* The kernel's nexthop objects, in the order of their numbers. */
struct nexthop {
	uint32_t id;
	unsigned int index;
	struct ip_addr gw;
	uint32_t *members; /* numbers of the members, where it is a group; owned */
	size_t n;
};

struct nexthop_list {
	struct nexthop *items;
	size_t n;
};

static void nexthop_list_clear(struct nexthop_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].members);
	free(list->items);
	*list = (struct nexthop_list){};
}

static int group_read(struct nlattr *attr, struct nexthop *nexthop)
{
	const struct nexthop_grp *entries = attr ? nla_data(attr) : NULL;
	size_t n = attr ? (size_t)nla_len(attr) / sizeof(*entries) : 0;

	if (n == 0)
		return 0;
	nexthop->members = calloc(n, sizeof(*nexthop->members));
	if (!nexthop->members)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		nexthop->members[nexthop->n++] = entries[i].id;
	return 0;
}

static int nexthop_read(const struct nlmsghdr *answer, void *data)
{
	struct nexthop_list *list = data;
	struct nlattr *attrs[NHA_MAX + 1];
	struct nexthop *item;
	const struct nhmsg *header;

	if (!answer) {
		nexthop_list_clear(list);
		return 0;
	}
	header = nlmsg_data(answer);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, NHA_MAX,
			NULL) < 0)
		return -EBADMSG;
	item = LIST_ADD(list);
	if (!item)
		return -ENOMEM;
	item->id = get_u32(attrs[NHA_ID]);
	item->index = get_u32(attrs[NHA_OIF]);
	get_ip(attrs[NHA_GATEWAY], header->nh_family, &item->gw);
	return group_read(attrs[NHA_GROUP], item);
}

static int nexthop_list_get(struct netlink *nl, struct nexthop_list *ret_list,
			    struct cni_error *err)
{
	struct nexthop_list list = {};
	struct nhmsg header = {};
	int ret;

	begin(nl,
	      netlink_queue(nl, RTM_GETNEXTHOP, NLM_F_DUMP,
			    "listing the nexthop objects"),
	      &header, sizeof(header));
	ret = netlink_request(nl, nexthop_read, &list, 0, err);
	if (ret < 0) {
		nexthop_list_clear(&list);
		return ret;
	}
	*ret_list = list;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct nexthop *one = a, *other = b;

	return (one->id > other->id) - (one->id < other->id);
}

static const struct nexthop *nexthop_find(const struct nexthop_list *list, uint32_t id)
{
	struct nexthop key = {.id = id};

	return list->n ? bsearch(&key, list->items, list->n, sizeof(key), by_id) : NULL;
}

/* Adds a copy of @route for one of its next hops. */
static int hop_add(struct kernel_route_list *list, const struct kernel_route *route,
		   unsigned int index, const struct ip_addr *gw)
{
	struct kernel_route *item = LIST_ADD(list);

	if (!item)
		return -ENOMEM;
	*item = *route;
	item->index = index;
	item->route.gw = *gw;
	return 0;
}

static int nexthop_add(struct kernel_route_list *list, struct kernel_route route,
		       const struct nexthop_list *nexthops)
{
	const struct nexthop *nexthop = nexthop_find(nexthops, route.nexthop);
	int ret = 0;

	if (!nexthop) /* it went meanwhile, and the route with it */
		return 0;
	if (!nexthop->members)
		return hop_add(list, &route, nexthop->index, &nexthop->gw);
	route.hops = nexthop->n;
	for (; ret == 0 && route.hop < route.hops; route.hop++) {
		const struct nexthop *member = nexthop_find(nexthops,
							    nexthop->members[route.hop]);

		if (member)
			ret = hop_add(list, &route, member->index, &member->gw);
	}
	return ret;
}

/* Replaces each route of which the kernel told only the number of a nexthop object by its
 * next hops. */
static int nexthops_resolve(struct netlink *nl, struct kernel_route_list *list,
			    struct cni_error *err)
{
	struct kernel_route_list resolved = {};
	struct nexthop_list nexthops = {};
	int ret = nexthop_list_get(nl, &nexthops, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; ret == 0 && i < list->n; i++) {
		const struct kernel_route *item = &list->items[i];

		if (item->index || !item->nexthop)
			ret = hop_add(&resolved, item, item->index, &item->route.gw);
		else
			ret = nexthop_add(&resolved, *item, &nexthops);
	}
	nexthop_list_clear(&nexthops);
	kernel_route_list_clear(list);
	*list = resolved;
	return ret < 0 ? error_oom(err) : 0;
}

/* RTA_VIA: a gateway of the other family. */
static void gateway_read(struct nlattr *attrs[RTA_MAX + 1], int family,
			 struct ip_addr *ret_gw)
{
	const struct nlattr *via = attrs[RTA_VIA];
	const struct rtvia *other;

	get_ip(attrs[RTA_GATEWAY], family, ret_gw);
	if (!via || nla_len(via) < (int)sizeof(*other))
		return;
	other = nla_data(via);
	if (nla_len(via) < (int)(sizeof(*other) + ip_size(other->rtvia_family)))
		return;
	ret_gw->family = other->rtvia_family;
	memcpy(ret_gw->bytes, other->rtvia_addr, ip_size(other->rtvia_family));
}

static void metrics_read(struct nlattr *metrics, struct route *route)
{
	struct nlattr *attrs[RTAX_MAX + 1];

	if (!metrics || nla_parse_nested(attrs, RTAX_MAX, metrics, NULL) < 0)
		return;
	route->mtu = get_u32(attrs[RTAX_MTU]);
	route->advmss = get_u32(attrs[RTAX_ADVMSS]);
}

static size_t hops_count(const struct rtnexthop *hop, int len)
{
	size_t n = 0;

	for (; RTNH_OK(hop, len); hop = RTNH_NEXT(hop)) {
		len -= RTNH_ALIGN(hop->rtnh_len);
		n++;
	}
	return n;
}

static int hops_read(const struct nlattr *multipath, struct kernel_route route,
		     struct kernel_route_list *list)
{
	const struct rtnexthop *hop = nla_data(multipath);
	int len = nla_len(multipath), ret = 0;

	route.hops = hops_count(hop, len);
	for (; ret == 0 && route.hop < route.hops; hop = RTNH_NEXT(hop), route.hop++) {
		struct nlattr *attrs[RTA_MAX + 1];
		struct ip_addr gw;

		if (nla_parse(attrs, RTA_MAX, (struct nlattr *)RTNH_DATA(hop),
			      hop->rtnh_len - (int)RTNH_LENGTH(0), NULL) < 0)
			return -EBADMSG;
		gateway_read(attrs, route.route.dst.addr.family, &gw);
		ret = hop_add(list, &route, (unsigned int)hop->rtnh_ifindex, &gw);
	}
	return ret;
}

/* Is it a route that decides where packets go, and none to the kernel's own addresses? */
static bool is_of_interest(const struct rtmsg *header)
{
	switch (header->rtm_type) {
	case RTN_UNICAST:
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
	case RTN_THROW:
		return !(header->rtm_flags & RTM_F_CLONED);
	}
	return false;
}

static int route_read(const struct nlmsghdr *answer, void *data)
{
	struct kernel_route_list *list = data;
	struct nlattr *attrs[RTA_MAX + 1];
	const struct rtmsg *header;
	struct kernel_route item;

	if (!answer) {
		kernel_route_list_clear(list);
		return 0;
	}
	header = nlmsg_data(answer);
	if (!is_of_interest(header))
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, RTA_MAX,
			NULL) < 0)
		return -EBADMSG;
	item = (struct kernel_route){
		.index = get_u32(attrs[RTA_OIF]),
		.protocol = header->rtm_protocol,
		.type = header->rtm_type,
		.nexthop = get_u32(attrs[RTA_NH_ID]),
		.hops = 1,
		.route =
			{
				.dst = {{.family = header->rtm_family},
					header->rtm_dst_len},
				.priority = get_u32(attrs[RTA_PRIORITY]),
				.table_set = true,
				.table = attrs[RTA_TABLE] ? get_u32(attrs[RTA_TABLE])
							  : header->rtm_table,
				.scope_set = true,
				.scope = header->rtm_scope,
			},
	};
	if (attrs[RTA_DST])
		get_ip(attrs[RTA_DST], header->rtm_family, &item.route.dst.addr);
	get_ip(attrs[RTA_PREFSRC], header->rtm_family, &item.source);
	metrics_read(attrs[RTA_METRICS], &item.route);
	if (attrs[RTA_MULTIPATH])
		return hops_read(attrs[RTA_MULTIPATH], item, list);
	gateway_read(attrs, header->rtm_family, &item.route.gw);
	return hop_add(list, &item, item.index, &item.route.gw);
}

static bool is_unresolved(const struct kernel_route_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].nexthop && !list->items[i].index)
			return true;
	return false;
}

/* Sends the question that is queued. NETLINK_EXPECTED: its answer is the errno
 * @expected. */
static int routes_ask(struct netlink *nl, int expected,
		      struct kernel_route_list *ret_list, struct cni_error *err)
{
	struct kernel_route_list list = {};
	int ret = netlink_request(nl, route_read, &list, expected, err);

	if (ret == 0 && is_unresolved(&list))
		ret = nexthops_resolve(nl, &list, err);
	if (ret != 0) {
		kernel_route_list_clear(&list);
		return ret;
	}
	*ret_list = list;
	return 0;
}

int route_list_get_all(struct netlink *nl, int family, struct kernel_route_list *ret_list,
		       struct cni_error *err)
{
	struct rtmsg header = {.rtm_family = family};

	begin(nl, netlink_queue(nl, RTM_GETROUTE, NLM_F_DUMP, "listing the routes"),
	      &header, sizeof(header));
	return routes_ask(nl, 0, ret_list, err);
}

int route_list_get(struct netlink *nl, int family, struct kernel_route_list *ret_list,
		   struct cni_error *err)
{
	struct kernel_route_list list = {};
	size_t kept = 0;
	int ret = route_list_get_all(nl, family, &list, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < list.n; i++)
		if (list.items[i].type == RTN_UNICAST)
			list.items[kept++] = list.items[i];
	list.n = kept;
	*ret_list = list;
	return 0;
}

int route_to(struct netlink *nl, const struct ip_addr *addr,
	     struct kernel_route_list *ret_list, struct cni_error *err)
{
	struct kernel_route_list none = {};
	int ret;

	queue_route_question(nl, addr, RTM_F_FIB_MATCH);
	ret = routes_ask(nl, ENETUNREACH, ret_list, err);
	/* The kernel answers so for a route that refuses or drops what is sent by it. */
	if (ret == -EHOSTUNREACH || ret == -EINVAL || ret == -EACCES) {
		error_clear(err);
		ret = NETLINK_EXPECTED;
	}
	if (ret != NETLINK_EXPECTED)
		return ret;
	*ret_list = none;
	return 0;
}

void kernel_route_list_clear(struct kernel_route_list *list)
{
	free(list->items);
	*list = (struct kernel_route_list){};
}
