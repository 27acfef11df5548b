/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rtnetlink tells of addresses and routes; of links, netlink_link.c. */
#include "netlink_route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "netlink_attr.h"

static void get_ip(const struct nlattr *attr, int family, struct ip_addr *ret_addr)
{
	*ret_addr = (struct ip_addr){};
	if (!attr || nla_len(attr) < (int)ip_size(family))
		return;
	ret_addr->family = family;
	memcpy(ret_addr->bytes, nla_data(attr), ip_size(family));
}

struct addr_query {
	unsigned int index;
	struct addr_list *list;
};

static int addr_read(const struct nlmsghdr *answer, void *data)
{
	struct addr_query *query = data;
	struct nlattr *attrs[IFA_MAX + 1];
	const struct ifaddrmsg *header;
	struct ip_prefix *items;
	uint32_t flags;

	if (!answer) {
		addr_list_clear(query->list);
		return 0;
	}
	header = nlmsg_data(answer);
	/* Kernels without strict checking send the addresses of all interfaces. */
	if (header->ifa_index != query->index)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, IFA_MAX,
			NULL) < 0)
		return -EBADMSG;
	items = reallocarray(query->list->items, query->list->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	query->list->items = items;
	items[query->list->n].len = header->ifa_prefixlen;
	/* IFA_ADDRESS is the other end's on a point-to-point link. */
	get_ip(attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS],
	       header->ifa_family, &items[query->list->n].addr);
	query->list->n++;
	flags = attrs[IFA_FLAGS] ? get_u32(attrs[IFA_FLAGS]) : header->ifa_flags;
	query->list->tentative |= (flags & IFA_F_TENTATIVE) && !(flags & IFA_F_DADFAILED);
	if (flags & IFA_F_DADFAILED)
		query->list->duplicate = items[query->list->n - 1].addr;
	return 0;
}

int addr_list_get(struct netlink *nl, unsigned int index, int family,
		  struct addr_list *ret_list, struct cni_error *err)
{
	struct addr_list list = {};
	struct addr_query query = {index, &list};
	struct ifaddrmsg header = {.ifa_family = family, .ifa_index = index};
	struct nl_msg *msg = netlink_queue(nl, RTM_GETADDR, NLM_F_DUMP,
					   "listing the addresses of interface %u",
					   index);
	int ret;

	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
		netlink_queue_failed(nl);
	ret = netlink_request(nl, addr_read, &query, ENODEV, err);
	if (ret < 0 && ret != -ENODEV) {
		addr_list_clear(&list);
		return err->code ? ret : error_oom(err);
	}
	*ret_list = list;
	return 0;
}

void addr_list_clear(struct addr_list *list)
{
	free(list->items);
	*list = (struct addr_list){};
}

bool addr_list_has(const struct addr_list *list, const struct ip_prefix *address)
{
	for (size_t i = 0; i < list->n; i++)
		if (prefix_equal(&list->items[i], address))
			return true;
	return false;
}

const char *addr_list_format(const struct addr_list *list, char *buf, size_t size)
{
	size_t used = 0;

	snprintf(buf, size, "none");
	for (size_t i = 0; i < list->n && used < size; i++)
		used += snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
				 PREFIX_TEXT(&list->items[i]));
	return buf;
}

static void metrics_read(struct nlattr *metrics, struct route *route)
{
	struct nlattr *attrs[RTAX_MAX + 1];

	if (!metrics || nla_parse_nested(attrs, RTAX_MAX, metrics, NULL) < 0)
		return;
	route->mtu = get_u32(attrs[RTAX_MTU]);
	route->advmss = get_u32(attrs[RTAX_ADVMSS]);
}

static int route_read(const struct nlmsghdr *answer, void *data)
{
	struct kernel_route_list *list = data;
	struct nlattr *attrs[RTA_MAX + 1];
	const struct rtmsg *header;
	struct kernel_route *items, *item;

	if (!answer) {
		kernel_route_list_clear(list);
		return 0;
	}
	header = nlmsg_data(answer);
	if (header->rtm_type != RTN_UNICAST || header->rtm_flags & RTM_F_CLONED)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, RTA_MAX,
			NULL) < 0)
		return -EBADMSG;
	items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	item = &items[list->n++];
	*item = (struct kernel_route){
		.index = get_u32(attrs[RTA_OIF]),
		.protocol = header->rtm_protocol,
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
		get_ip(attrs[RTA_DST], header->rtm_family, &item->route.dst.addr);
	get_ip(attrs[RTA_GATEWAY], header->rtm_family, &item->route.gw);
	metrics_read(attrs[RTA_METRICS], &item->route);
	return 0;
}

int route_list_get(struct netlink *nl, int family, struct kernel_route_list *ret_list,
		   struct cni_error *err)
{
	struct kernel_route_list list = {};
	struct rtmsg header = {.rtm_family = family};
	struct nl_msg *msg = netlink_queue(nl, RTM_GETROUTE, NLM_F_DUMP,
					   "listing the routes");
	int ret;

	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
		netlink_queue_failed(nl);
	ret = netlink_request(nl, route_read, &list, 0, err);
	if (ret < 0) {
		kernel_route_list_clear(&list);
		return err->code ? ret : error_oom(err);
	}
	*ret_list = list;
	return 0;
}

void kernel_route_list_clear(struct kernel_route_list *list)
{
	free(list->items);
	*list = (struct kernel_route_list){};
}

static int route_type_read(const struct nlmsghdr *answer, void *data)
{
	uint8_t *type = data;

	*type = answer ? ((const struct rtmsg *)nlmsg_data(answer))->rtm_type
		       : RTN_UNSPEC;
	return 0;
}

int route_is_local(struct netlink *nl, const struct ip_addr *addr, bool *ret_local,
		   struct cni_error *err)
{
	struct rtmsg header = {
		.rtm_family = addr->family,
		.rtm_dst_len = 8 * ip_size(addr->family),
	};
	uint8_t type = RTN_UNSPEC;
	struct nl_msg *msg = netlink_queue(nl, RTM_GETROUTE, 0,
					   "looking the route to %s up", IP_TEXT(addr));
	int ret;

	if (msg && (nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
		    nla_put(msg, RTA_DST, ip_size(addr->family), addr->bytes) < 0))
		netlink_queue_failed(nl);
	ret = netlink_request(nl, route_type_read, &type, ENETUNREACH, err);
	if (ret < 0 && ret != -ENETUNREACH)
		return ret;
	*ret_local = type == RTN_LOCAL;
	return 0;
}
