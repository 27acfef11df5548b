/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a bridge as rtnetlink messages. */
#include "fdb.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

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
