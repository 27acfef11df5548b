/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbours as rtnetlink messages. */
#include "neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "attr.h"
#include "build.h"
#include "conf/base/list.h"

static struct builder begin_neighbour(struct netlink *nl, struct nlmsghdr *msg,
				      unsigned int index, uint16_t state,
				      const struct ip_addr *addr)
{
	struct ndmsg header = {
		.ndm_family = addr->family,
		.ndm_ifindex = (int)index,
		.ndm_state = state,
	};
	struct builder b = begin(nl, msg, &header, sizeof(header));

	put_ip(b, NDA_DST, addr);
	return b;
}

void queue_neighbour_set(struct netlink *nl, unsigned int index, const char *name,
			 const struct ip_addr *addr, const struct mac_addr *mac)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_NEWNEIGH,
					     NLM_F_CREATE | NLM_F_REPLACE,
					     "adding the permanent neighbour %s to %s",
					     IP_TEXT(addr), name);
	struct builder b = begin_neighbour(nl, msg, index, NUD_PERMANENT, addr);
	uint8_t protocol = NEIGHBOUR_PROTOCOL;

	put(b, NDA_LLADDR, mac->bytes, MAC_LEN);
	put(b, NDA_PROTOCOL, &protocol, sizeof(protocol));
}

void queue_neighbour_ordinary(struct netlink *nl, unsigned int index, const char *name,
			      const struct ip_addr *addr, const struct mac_addr *mac)
{
	struct nlmsghdr *msg = netlink_queue(
		nl, RTM_NEWNEIGH, NLM_F_REPLACE,
		"making the neighbour %s of %s an ordinary one", IP_TEXT(addr), name);
	struct builder b = begin_neighbour(nl, msg, index, NUD_STALE, addr);

	put(b, NDA_LLADDR, mac->bytes, MAC_LEN);
}

void queue_neighbour_del(struct netlink *nl, unsigned int index, const char *name,
			 const struct ip_addr *addr)
{
	begin_neighbour(nl,
			netlink_queue(nl, RTM_DELNEIGH, 0,
				      "removing the neighbour %s from %s", IP_TEXT(addr),
				      name),
			index, 0, addr);
}

static int neighbour_read(const struct nlmsghdr *answer, void *data)
{
	struct neighbour *found = data;
	struct nlattr *attrs[NDA_MAX + 1];
	const struct ndmsg *header;

	if (!answer) {
		*found = (struct neighbour){};
		return 0;
	}
	header = nlmsg_data(answer);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, NDA_MAX,
			NULL) < 0)
		return -EBADMSG;
	found->index = header->ndm_ifindex;
	get_ip(attrs[NDA_DST], header->ndm_family, &found->addr);
	if (attrs[NDA_PROTOCOL] && nla_len(attrs[NDA_PROTOCOL]) >= 1)
		found->protocol = nla_get_u8(attrs[NDA_PROTOCOL]);
	found->state = header->ndm_state;
	found->permanent = header->ndm_state & NUD_PERMANENT;
	if (attrs[NDA_LLADDR] && nla_len(attrs[NDA_LLADDR]) == MAC_LEN) {
		found->mac.set = true;
		memcpy(found->mac.bytes, nla_data(attrs[NDA_LLADDR]), MAC_LEN);
	}
	return 0;
}

void queue_neighbour_question(struct netlink *nl, unsigned int index,
			      const struct ip_addr *addr)
{
	begin_neighbour(nl,
			netlink_queue(nl, RTM_GETNEIGH, 0, "looking the neighbour %s up",
				      IP_TEXT(addr)),
			index, 0, addr);
}

int neighbour_get(struct netlink *nl, unsigned int index, const struct ip_addr *addr,
		  struct neighbour *ret_found, struct cni_error *err)
{
	int ret;

	queue_neighbour_question(nl, index, addr);
	ret = netlink_request(nl, neighbour_read, ret_found, ENOENT, err);
	return ret == NETLINK_EXPECTED ? 0 : ret;
}

static int neighbour_list_read(const struct nlmsghdr *answer, void *data)
{
	struct neighbour_list *list = data;
	struct neighbour *item;

	if (!answer) {
		neighbour_list_clear(list);
		return 0;
	}
	item = LIST_ADD(list);
	return item ? neighbour_read(answer, item) : -ENOMEM;
}

static int list_request(struct netlink *nl, int expected, struct neighbour_list *ret_list,
			struct cni_error *err)
{
	struct neighbour_list list = {};
	int ret = netlink_request(nl, neighbour_list_read, &list, expected, err);

	if (ret < 0) {
		neighbour_list_clear(&list);
		return ret;
	}
	*ret_list = list;
	return 0;
}

int neighbour_list_ask(struct netlink *nl, struct neighbour_list *ret_list,
		       struct cni_error *err)
{
	return list_request(nl, ENOENT, ret_list, err);
}

int neighbour_list_get(struct netlink *nl, struct neighbour_list *ret_list,
		       struct cni_error *err)
{
	struct ndmsg header = {.ndm_family = AF_UNSPEC};

	begin(nl, netlink_queue(nl, RTM_GETNEIGH, NLM_F_DUMP, "listing the neighbours"),
	      &header, sizeof(header));
	return list_request(nl, 0, ret_list, err);
}

void neighbour_list_clear(struct neighbour_list *list)
{
	free(list->items);
	*list = (struct neighbour_list){};
}
