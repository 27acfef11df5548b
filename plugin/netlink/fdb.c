/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a bridge, or of another interface, as rtnetlink messages. */
#include "fdb.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/list.h"
#include "build.h"

/* The kernel moves a static entry (NUD_NOARP) to whichever port sends from its address,
 * unless it is sticky as well. */
#define FIXED_STATE NUD_NOARP
#define FIXED_FLAGS NTF_STICKY

/* @flags: with NTF_MASTER @index is a port, with NTF_SELF the bridge. */
static struct builder begin_entry(struct netlink *nl, struct nlmsghdr *msg,
				  unsigned int index, uint16_t state, uint8_t flags,
				  const struct mac_addr *mac)
{
	const struct ndmsg header = {
		.ndm_family = AF_BRIDGE,
		.ndm_ifindex = index,
		.ndm_state = state,
		.ndm_flags = flags,
	};
	struct builder b = begin(nl, msg, &header, sizeof(header));

	put(b, NDA_LLADDR, mac->bytes, MAC_LEN);
	return b;
}

static void queue_fixed(struct netlink *nl, uint16_t flags, unsigned int index,
			const char *name, const struct mac_addr *mac)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_NEWNEIGH, NLM_F_CREATE | flags,
					     "saying that %s is behind the port %s",
					     MAC_TEXT(mac), name);

	begin_entry(nl, msg, index, FIXED_STATE, NTF_MASTER | FIXED_FLAGS, mac);
}

void queue_fdb_add(struct netlink *nl, unsigned int index, const char *name,
		   const struct mac_addr *mac)
{
	queue_fixed(nl, NLM_F_EXCL, index, name, mac);
}

void queue_fdb_replace(struct netlink *nl, unsigned int index, const char *name,
		       const struct mac_addr *mac)
{
	queue_fixed(nl, NLM_F_REPLACE, index, name, mac);
}

static int entry_read(const struct nlmsghdr *answer, void *data)
{
	struct ndmsg *entry = data;

	if (!answer)
		return 0;
	if (!nlmsg_valid_hdr(answer, sizeof(*entry)))
		return -EBADMSG;
	*entry = *(const struct ndmsg *)nlmsg_data(answer);
	return 0;
}

int fdb_find(struct netlink *nl, unsigned int index, const struct mac_addr *mac,
	     uint16_t vlan, struct fdb_entry *ret_entry, struct cni_error *err)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_GETNEIGH, 0,
					     "looking up the port of %s", MAC_TEXT(mac));
	struct ndmsg entry = {};
	struct builder b;
	int ret;

	b = begin_entry(nl, msg, index, 0, NTF_MASTER, mac);
	if (vlan)
		put(b, NDA_VLAN, &vlan, sizeof(vlan));
	ret = netlink_request(nl, entry_read, &entry, ENOENT, err);
	if (ret < 0)
		return ret;
	*ret_entry = (struct fdb_entry){
		.index = entry.ndm_ifindex,
		.own = entry.ndm_state & NUD_PERMANENT,
		.stays = entry.ndm_state & (NUD_NOARP | NUD_PERMANENT),
		.fixed = entry.ndm_state & FIXED_STATE && entry.ndm_flags & FIXED_FLAGS,
	};
	return 0;
}

int fdb_has(struct netlink *nl, unsigned int index, const struct mac_addr *mac,
	    bool *ret_has, struct cni_error *err)
{
	struct ndmsg entry = {};
	int ret;

	begin_entry(nl,
		    netlink_queue(nl, RTM_GETNEIGH, 0, "looking up the port of %s",
				  MAC_TEXT(mac)),
		    index, 0, NTF_SELF, mac);
	ret = netlink_request(nl, entry_read, &entry, ENOENT, err);
	if (ret < 0)
		return ret;
	*ret_has = ret == 0;
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	const struct mac_addr *first = a, *second = b;

	return memcmp(first->bytes, second->bytes, MAC_LEN);
}

void mac_list_clear(struct mac_list *list)
{
	free(list->items);
	*list = (struct mac_list){};
}

bool mac_list_has(const struct mac_list *list, const struct mac_addr *mac)
{
	return list->n &&
	       bsearch(mac, list->items, list->n, sizeof(*list->items), by_bytes);
}

struct served {
	unsigned int index; /* of the interface that is asked for; 0: all are */
	struct mac_list macs;
};

static int served_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[NDA_MAX + 1];
	struct served *served = data;
	const struct ndmsg *entry;
	struct mac_addr *mac;

	if (!answer) {
		mac_list_clear(&served->macs);
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*entry), attrs, NDA_MAX, NULL) <
	    0)
		return -EBADMSG;
	entry = nlmsg_data(answer);
	if (!(entry->ndm_flags & NTF_SELF) || !(entry->ndm_state & NUD_PERMANENT) ||
	    !attrs[NDA_LLADDR] || nla_len(attrs[NDA_LLADDR]) != MAC_LEN ||
	    (served->index && entry->ndm_ifindex != (int)served->index))
		return 0;
	mac = LIST_ADD(&served->macs);
	if (!mac)
		return -ENOMEM;
	mac->set = true;
	memcpy(mac->bytes, nla_data(attrs[NDA_LLADDR]), MAC_LEN);
	return 0;
}

/* The kernel looks up a single entry in bridges and VXLANs alone. */
int fdb_served_get(struct netlink *nl, unsigned int index, struct mac_list *ret_list,
		   struct cni_error *err)
{
	const struct ndmsg header = {.ndm_family = AF_BRIDGE};
	struct served served = {.index = index};
	int ret;

	begin(nl,
	      netlink_queue(nl, RTM_GETNEIGH, NLM_F_DUMP,
			    "listing the addresses that interfaces take frames for"),
	      &header, sizeof(header));
	ret = netlink_request(nl, served_read, &served, 0, err);
	if (ret < 0) {
		mac_list_clear(&served.macs);
		return ret;
	}
	if (served.macs.n)
		qsort(served.macs.items, served.macs.n, sizeof(*served.macs.items),
		      by_bytes);
	*ret_list = served.macs;
	return 0;
}
