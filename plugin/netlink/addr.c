/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what rtnetlink tells of addresses. link_dump.c reads of links,
 * route_dump.c of routes. */
#include "rtnetlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "conf/base/list.h"

static int address_parse(const struct nlmsghdr *answer, struct nlattr *attrs[IFA_MAX + 1],
			 struct ip_prefix *ret_address)
{
	const struct ifaddrmsg *header = nlmsg_data(answer);

	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, IFA_MAX,
			NULL) < 0)
		return -EBADMSG;
	/* IFA_ADDRESS is the other end's on a point-to-point link. */
	get_ip(attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS],
	       header->ifa_family, &ret_address->addr);
	ret_address->len = header->ifa_prefixlen;
	return 0;
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
	struct ip_prefix address, *item;
	uint32_t flags;

	if (!answer) {
		addr_list_clear(query->list);
		return 0;
	}
	header = nlmsg_data(answer);
	/* Kernels without strict checking send the addresses of all interfaces. */
	if (header->ifa_index != query->index)
		return 0;
	if (address_parse(answer, attrs, &address) < 0)
		return -EBADMSG;
	item = LIST_ADD(query->list);
	if (!item)
		return -ENOMEM;
	*item = address;
	flags = attrs[IFA_FLAGS] ? get_u32(attrs[IFA_FLAGS]) : header->ifa_flags;
	query->list->tentative |= (flags & IFA_F_TENTATIVE) && !(flags & IFA_F_DADFAILED);
	if (flags & IFA_F_DADFAILED)
		query->list->duplicate = address.addr;
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
	if (ret < 0) {
		addr_list_clear(&list);
		return ret;
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

static int link_addr_read(const struct nlmsghdr *answer, void *data)
{
	struct link_addr_list *list = data;
	struct nlattr *attrs[IFA_MAX + 1];
	struct link_addr *item;
	struct ip_prefix address;

	if (!answer) {
		link_addr_list_clear(list);
		return 0;
	}
	if (address_parse(answer, attrs, &address) < 0)
		return -EBADMSG;
	item = LIST_ADD(list);
	if (!item)
		return -ENOMEM;
	item->index = ((const struct ifaddrmsg *)nlmsg_data(answer))->ifa_index;
	item->address = address;
	return 0;
}

int link_addr_list_get(struct netlink *nl, int family, struct link_addr_list *ret_list,
		       struct cni_error *err)
{
	struct link_addr_list list = {};
	struct ifaddrmsg header = {.ifa_family = family};
	struct nl_msg *msg = netlink_queue(nl, RTM_GETADDR, NLM_F_DUMP,
					   "listing the addresses");
	int ret;

	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0)
		netlink_queue_failed(nl);
	ret = netlink_request(nl, link_addr_read, &list, 0, err);
	if (ret < 0) {
		link_addr_list_clear(&list);
		return ret;
	}
	*ret_list = list;
	return 0;
}

void link_addr_list_clear(struct link_addr_list *list)
{
	free(list->items);
	*list = (struct link_addr_list){};
}
