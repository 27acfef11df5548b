/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries as rtnetlink messages. A dump becomes a list of pairs answer by answer: 10,000
 * objects of a library would take more memory than the whole agent may. */
#include "vxlan_tables.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/list.h"
#include "deploy/agent/base/byte_sort.h"
#include "plugin/netlink/attr.h"
#include "plugin/netlink/build.h"
#include "plugin/netlink/neighbour.h"

void vxlan_pairs_clear(struct vxlan_pairs *list)
{
	free(list->items);
	*list = (struct vxlan_pairs){};
}

static int by_addr(const void *a, const void *b)
{
	const struct vxlan_pair *one = a, *other = b;

	return ip_cmp(&one->addr, &other->addr);
}

static int by_mac(const void *a, const void *b)
{
	const struct vxlan_pair *one = a, *other = b;

	return memcmp(one->mac.bytes, other->mac.bytes, MAC_LEN);
}

static void sort_by_addr(struct vxlan_pair *pairs, size_t n)
{
	BYTE_SORT(pairs, n, struct vxlan_pair, addr);
}

static void sort_by_mac(struct vxlan_pair *pairs, size_t n)
{
	BYTE_SORT(pairs, n, struct vxlan_pair, mac.bytes);
}

/* -- reading */

static bool is_group(const struct ip_addr *addr)
{
	return addr->family == AF_INET ? addr->bytes[0] >= 224 : addr->bytes[0] == 0xff;
}

static void neighbour_parse(const struct ndmsg *header, struct nlattr **attrs,
			    struct vxlan_pair *pair)
{
	const struct nlattr *protocol = attrs[NDA_PROTOCOL];

	get_ip(attrs[NDA_DST], header->ndm_family, &pair->addr);
	pair->odd = !(header->ndm_state & NUD_PERMANENT) || !protocol ||
		    nla_len(protocol) < 1 || nla_get_u8(protocol) != NEIGHBOUR_PROTOCOL;
}

/* The kernel tells a port, a VNI and an interface only where the entry has one of its
 * own. */
static void forwarding_parse(const struct ndmsg *header, struct nlattr **attrs,
			     struct vxlan_pair *pair)
{
	const struct nlattr *dst = attrs[NDA_DST];

	if (dst)
		get_ip(dst, nla_len(dst) == 4 ? AF_INET : AF_INET6, &pair->addr);
	pair->odd = !(header->ndm_state & NUD_PERMANENT) || !dst || attrs[NDA_PORT] ||
		    attrs[NDA_VNI] || attrs[NDA_IFINDEX] || attrs[NDA_NH_ID];
}

bool vxlan_entry_read(const struct nlmsghdr *message, unsigned int index,
		      struct vxlan_entry *ret_entry)
{
	const struct ndmsg *header = nlmsg_data(message);
	struct vxlan_entry entry = {.removed = message->nlmsg_type == RTM_DELNEIGH};
	struct nlattr *attrs[NDA_MAX + 1], *mac;

	if ((message->nlmsg_type != RTM_NEWNEIGH && !entry.removed) ||
	    nlmsg_parse((struct nlmsghdr *)message, sizeof(*header), attrs, NDA_MAX,
			NULL) < 0 ||
	    (unsigned int)header->ndm_ifindex != index)
		return false;
	mac = attrs[NDA_LLADDR];
	entry.has_mac = mac && nla_len(mac) == MAC_LEN;
	if (entry.has_mac) {
		entry.pair.mac.set = true;
		memcpy(entry.pair.mac.bytes, nla_data(mac), MAC_LEN);
	}
	if (header->ndm_family == AF_BRIDGE) {
		forwarding_parse(header, attrs, &entry.pair);
		entry.table = &vxlan_forwarding;
	} else {
		neighbour_parse(header, attrs, &entry.pair);
		if (!entry.pair.addr.family || is_group(&entry.pair.addr))
			return false;
		entry.table = &vxlan_neighbours;
	}
	*ret_entry = entry;
	return true;
}

struct reader {
	unsigned int index;
	const struct vxlan_table *table;
	struct vxlan_pairs list;
};

static int answer_take(const struct nlmsghdr *answer, void *data)
{
	struct reader *reader = data;
	struct vxlan_entry entry;
	struct vxlan_pair *item;

	if (!answer) {
		vxlan_pairs_clear(&reader->list);
		return 0;
	}
	/* Kernels without strict checking send the entries of all interfaces. */
	if (!vxlan_entry_read(answer, reader->index, &entry) ||
	    entry.table != reader->table || !entry.has_mac)
		return 0;
	item = LIST_ADD(&reader->list);
	if (!item)
		return -ENOMEM;
	*item = entry.pair;
	return 0;
}

/* Leaves one entry for each key. */
static void merge(struct vxlan_pairs *list, const struct vxlan_table *table)
{
	size_t kept = 0;

	table->sort(list->items, list->n);
	for (size_t i = 0; i < list->n; i++) {
		if (kept && table->cmp(&list->items[kept - 1], &list->items[i]) == 0)
			list->items[kept - 1].odd = true;
		else
			list->items[kept++] = list->items[i];
	}
	list->n = kept;
}

static int table_read(struct netlink *nl, const struct ndmsg *header, unsigned int index,
		      const struct vxlan_table *table, struct vxlan_pairs *ret_list,
		      struct cni_error *err)
{
	struct reader reader = {.index = index, .table = table};
	struct builder b = begin(nl,
				 netlink_queue(nl, RTM_GETNEIGH, NLM_F_DUMP,
					       "listing the entries of interface %u",
					       index),
				 header, sizeof(*header));
	int ret;

	if (header->ndm_family != AF_BRIDGE)
		put_u32(b, NDA_IFINDEX, index);
	ret = netlink_request(nl, answer_take, &reader, 0, err);
	if (ret < 0) {
		vxlan_pairs_clear(&reader.list);
		return ret;
	}
	merge(&reader.list, table);
	*ret_list = reader.list;
	return 0;
}

struct use_reader {
	unsigned int index;
	vxlan_use_fn fn;
	void *data;
};

/* The kernel counts in the hundredths of a second of clock_t. */
static uint32_t clock_ms(uint32_t clock)
{
	return clock > UINT32_MAX / 10 ? UINT32_MAX : clock * 10;
}

static int use_take(const struct nlmsghdr *answer, void *data)
{
	const struct use_reader *reader = data;
	struct nlattr *attrs[NDA_MAX + 1];
	struct nda_cacheinfo times;
	struct vxlan_entry entry;
	struct vxlan_use use;

	if (!answer || !vxlan_entry_read(answer, reader->index, &entry) ||
	    entry.table != &vxlan_forwarding ||
	    nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct ndmsg), attrs, NDA_MAX,
			NULL) < 0 ||
	    !attrs[NDA_CACHEINFO] || nla_len(attrs[NDA_CACHEINFO]) < (int)sizeof(times))
		return 0;
	memcpy(&times, nla_data(attrs[NDA_CACHEINFO]), sizeof(times));
	use = (struct vxlan_use){
		.addr = entry.pair.addr,
		.used_ms = clock_ms(times.ndm_used),
		.updated_ms = clock_ms(times.ndm_updated),
	};
	reader->fn(&use, reader->data);
	return 0;
}

int vxlan_uses_read(struct netlink *nl, unsigned int index, vxlan_use_fn fn, void *data,
		    struct cni_error *err)
{
	const struct ndmsg header = {.ndm_family = AF_BRIDGE, .ndm_ifindex = (int)index};
	struct use_reader reader = {index, fn, data};

	begin(nl,
	      netlink_queue(nl, RTM_GETNEIGH, NLM_F_DUMP,
			    "listing the entries of interface %u", index),
	      &header, sizeof(header));
	return netlink_request(nl, use_take, &reader, 0, err);
}

static int neighbours_read(struct netlink *nl, unsigned int index,
			   struct vxlan_pairs *ret_list, struct cni_error *err)
{
	const struct ndmsg header = {.ndm_family = AF_UNSPEC};

	return table_read(nl, &header, index, &vxlan_neighbours, ret_list, err);
}

static int forwarding_read(struct netlink *nl, unsigned int index,
			   struct vxlan_pairs *ret_list, struct cni_error *err)
{
	const struct ndmsg header = {.ndm_family = AF_BRIDGE, .ndm_ifindex = (int)index};

	return table_read(nl, &header, index, &vxlan_forwarding, ret_list, err);
}

/* -- changes */

static void neighbour_set(struct netlink *nl, unsigned int index, const char *name,
			  const struct vxlan_pair *pair)
{
	queue_neighbour_set(nl, index, name, &pair->addr, &pair->mac);
}

static void neighbour_del(struct netlink *nl, unsigned int index, const char *name,
			  const struct vxlan_pair *pair)
{
	queue_neighbour_del(nl, index, name, &pair->addr);
}

static struct builder begin_forwarding(struct netlink *nl, struct nlmsghdr *msg,
				       unsigned int index, const struct vxlan_pair *pair)
{
	const struct ndmsg header = {
		.ndm_family = AF_BRIDGE,
		.ndm_ifindex = (int)index,
		.ndm_state = NUD_PERMANENT,
		.ndm_flags = NTF_SELF,
	};
	struct builder b = begin(nl, msg, &header, sizeof(header));

	put(b, NDA_LLADDR, pair->mac.bytes, MAC_LEN);
	return b;
}

static void forwarding_set(struct netlink *nl, unsigned int index, const char *name,
			   const struct vxlan_pair *pair)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_NEWNEIGH,
					     NLM_F_CREATE | NLM_F_REPLACE,
					     "having %s send to %s at %s", name,
					     MAC_TEXT(&pair->mac), IP_TEXT(&pair->addr));

	put_ip(begin_forwarding(nl, msg, index, pair), NDA_DST, &pair->addr);
}

static void forwarding_del(struct netlink *nl, unsigned int index, const char *name,
			   const struct vxlan_pair *pair)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_DELNEIGH, 0,
					     "having %s send to %s no longer", name,
					     MAC_TEXT(&pair->mac));

	begin_forwarding(nl, msg, index, pair);
}

const struct vxlan_table vxlan_neighbours = {
	.cmp = by_addr,
	.sort = sort_by_addr,
	.queue_set = neighbour_set,
	.queue_del = neighbour_del,
	.read = neighbours_read,
};

const struct vxlan_table vxlan_forwarding = {
	.cmp = by_mac,
	.sort = sort_by_mac,
	.queue_set = forwarding_set,
	.queue_del = forwarding_del,
	.read = forwarding_read,
};
