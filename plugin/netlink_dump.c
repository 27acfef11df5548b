/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rtnetlink tells: a link, an interface's addresses, the routes. */
#include "netlink_route.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

static void get_string(const struct nlattr *attr, char *ret_text, size_t size)
{
	ret_text[0] = '\0';
	if (attr)
		nla_strlcpy(ret_text, attr, size);
}

static uint32_t get_u32(const struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
}

static void get_ip(const struct nlattr *attr, int family, struct ip_addr *ret_addr)
{
	*ret_addr = (struct ip_addr){};
	if (!attr || nla_len(attr) < (int)ip_size(family))
		return;
	ret_addr->family = family;
	memcpy(ret_addr->bytes, nla_data(attr), ip_size(family));
}

static uint8_t get_u8(const struct nlattr *attr)
{
	return attr && nla_len(attr) >= 1 ? nla_get_u8(attr) : 0;
}

static void port_read(struct nlattr *data, struct link *link)
{
	struct nlattr *attrs[IFLA_BRPORT_MAX + 1];

	if (!data || nla_parse_nested(attrs, IFLA_BRPORT_MAX, data, NULL) < 0)
		return;
	link->port.hairpin = get_u8(attrs[IFLA_BRPORT_MODE]);
	link->port.isolated = get_u8(attrs[IFLA_BRPORT_ISOLATED]);
	link->port.state = get_u8(attrs[IFLA_BRPORT_STATE]);
}

static void bridge_read(struct nlattr *data, struct link *link)
{
	struct nlattr *attrs[IFLA_BR_MAX + 1];
	struct nlattr *vlan;

	if (!data || nla_parse_nested(attrs, IFLA_BR_MAX, data, NULL) < 0)
		return;
	/* Whether it does is told by every kernel, a default VLAN only by one that can. */
	vlan = attrs[IFLA_BR_VLAN_DEFAULT_PVID];
	link->bridge.can_filter_vlans = vlan;
	link->bridge.filters_vlans = get_u8(attrs[IFLA_BR_VLAN_FILTERING]);
	link->bridge.default_vlan = vlan && nla_len(vlan) >= 2 ? nla_get_u16(vlan) : 0;
}

static void link_info_read(struct nlattr *info, struct link *link)
{
	struct nlattr *attrs[IFLA_INFO_MAX + 1];
	char port_kind[LINK_KIND_MAX];

	if (!info || nla_parse_nested(attrs, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	get_string(attrs[IFLA_INFO_KIND], link->kind, sizeof(link->kind));
	get_string(attrs[IFLA_INFO_SLAVE_KIND], port_kind, sizeof(port_kind));
	if (strcmp(link->kind, "bridge") == 0)
		bridge_read(attrs[IFLA_INFO_DATA], link);
	if (strcmp(port_kind, "bridge") == 0)
		port_read(attrs[IFLA_INFO_SLAVE_DATA], link);
}

static int accept_ra_read(struct nlattr *families)
{
	struct nlattr *of_family[AF_INET6 + 1], *attrs[IFLA_INET6_MAX + 1], *conf;

	if (!families || nla_parse_nested(of_family, AF_INET6, families, NULL) < 0 ||
	    !of_family[AF_INET6] ||
	    nla_parse_nested(attrs, IFLA_INET6_MAX, of_family[AF_INET6], NULL) < 0)
		return -1;
	conf = attrs[IFLA_INET6_CONF];
	if (!conf || nla_len(conf) < (DEVCONF_ACCEPT_RA + 1) * (int)sizeof(int32_t))
		return -1;
	return ((const int32_t *)nla_data(conf))[DEVCONF_ACCEPT_RA];
}

static int link_read(const struct nlmsghdr *answer, void *data)
{
	struct link *link = data;
	struct nlattr *attrs[IFLA_MAX + 1];
	const struct ifinfomsg *header;

	if (!answer) {
		*link = (struct link){};
		return 0;
	}
	header = nlmsg_data(answer);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, IFLA_MAX,
			NULL) < 0)
		return -EBADMSG;
	link->index = header->ifi_index;
	link->up = header->ifi_flags & IFF_UP;
	link->promisc = header->ifi_flags & IFF_PROMISC;
	get_string(attrs[IFLA_IFNAME], link->name, sizeof(link->name));
	get_string(attrs[IFLA_IFALIAS], link->alias, sizeof(link->alias));
	link->mtu = get_u32(attrs[IFLA_MTU]);
	link->master = get_u32(attrs[IFLA_MASTER]);
	link->peer = get_u32(attrs[IFLA_LINK]);
	if (attrs[IFLA_ADDRESS] && nla_len(attrs[IFLA_ADDRESS]) == MAC_LEN) {
		link->mac.set = true;
		memcpy(link->mac.bytes, nla_data(attrs[IFLA_ADDRESS]), MAC_LEN);
	}
	link->accept_ra = accept_ra_read(attrs[IFLA_AF_SPEC]);
	link_info_read(attrs[IFLA_LINKINFO], link);
	return 0;
}

static int link_list_read(const struct nlmsghdr *answer, void *data)
{
	struct link_list *list = data;
	struct link *items;

	if (!answer) {
		link_list_clear(list);
		return 0;
	}
	items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->n] = (struct link){};
	return link_read(answer, &items[list->n++]);
}

int link_list_get(struct netlink *nl, struct link_list *ret_list, struct cni_error *err)
{
	struct link_list list = {};
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	struct nl_msg *msg = netlink_queue(nl, RTM_GETLINK, NLM_F_DUMP,
					   "listing the interfaces");
	int ret;

	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
		netlink_queue_failed(nl);
	ret = netlink_request(nl, link_list_read, &list, 0, err);
	if (ret < 0) {
		link_list_clear(&list);
		return err->code ? ret : error_oom(err);
	}
	*ret_list = list;
	return 0;
}

void link_list_clear(struct link_list *list)
{
	free(list->items);
	*list = (struct link_list){};
}

static int link_request(struct netlink *nl, struct nl_msg *msg, unsigned int index,
			const char *name, struct link *ret_link, struct cni_error *err)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	int ret;

	/* Counters are half of the kernel's work, and of what it sends. */
	if (msg && (nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
		    nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0 ||
		    (name && nla_put_string(msg, IFLA_IFNAME, name) < 0)))
		netlink_queue_failed(nl);
	ret = netlink_request(nl, link_read, ret_link, ENODEV, err);
	return ret == -ENODEV ? 0 : ret;
}

int link_get(struct netlink *nl, const char *name, struct link *ret_link,
	     struct cni_error *err)
{
	struct nl_msg *msg = netlink_queue(nl, RTM_GETLINK, 0, "looking %s up", name);

	return link_request(nl, msg, 0, name, ret_link, err);
}

int link_get_by_index(struct netlink *nl, unsigned int index, struct link *ret_link,
		      struct cni_error *err)
{
	struct nl_msg *msg = netlink_queue(nl, RTM_GETLINK, 0, "looking interface %u up",
					   index);

	return link_request(nl, msg, index, NULL, ret_link, err);
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
