/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of addresses as rtnetlink messages, and the addresses that the kernel lists. */
#include "addr.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "attr.h"
#include "build.h"
#include "conf/base/list.h"

static struct builder begin_addr(struct netlink *nl, struct nlmsghdr *msg,
				 unsigned int index, const struct ip_prefix *address)
{
	struct ifaddrmsg header = {
		.ifa_family = address->addr.family,
		.ifa_prefixlen = address->len,
		.ifa_index = index,
	};
	struct builder b = begin(nl, msg, &header, sizeof(header));

	put_ip(b, IFA_LOCAL, &address->addr);
	put_ip(b, IFA_ADDRESS, &address->addr);
	return b;
}

static void queue_addr(struct netlink *nl, unsigned int index, const char *name,
		       const struct ip_prefix *address, int flags, bool dad)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_NEWADDR, NLM_F_CREATE | flags,
					     "adding %s to %s", PREFIX_TEXT(address),
					     name);
	struct builder b = begin_addr(nl, msg, index, address);

	if (address->addr.family == AF_INET6) {
		put_u32(b, IFA_FLAGS, dad ? 0 : IFA_F_NODAD);
	} else if (address->len < 31) {
		struct ip_addr broadcast = prefix_last(address);

		put_ip(b, IFA_BROADCAST, &broadcast);
	}
}

void queue_addr_add(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address, bool dad)
{
	queue_addr(nl, index, name, address, NLM_F_EXCL, dad);
}

void queue_addr_set(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address)
{
	queue_addr(nl, index, name, address, NLM_F_REPLACE, false);
}

void queue_addr_add_alone(struct netlink *nl, unsigned int index, const char *name,
			  const struct ip_addr *addr)
{
	struct ip_prefix whole = {*addr, ip_bits(addr->family)};
	struct nlmsghdr *msg = netlink_queue(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
					     "adding %s to %s", PREFIX_TEXT(&whole),
					     name);

	put_u32(begin_addr(nl, msg, index, &whole), IFA_FLAGS,
		IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
}

void queue_addr_del(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address)
{
	begin_addr(nl,
		   netlink_queue(nl, RTM_DELADDR, 0, "removing %s from %s",
				 PREFIX_TEXT(address), name),
		   index, address);
}

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
	int ret;

	begin(nl,
	      netlink_queue(nl, RTM_GETADDR, NLM_F_DUMP,
			    "listing the addresses of interface %u", index),
	      &header, sizeof(header));
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
	int ret;

	begin(nl, netlink_queue(nl, RTM_GETADDR, NLM_F_DUMP, "listing the addresses"),
	      &header, sizeof(header));
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
