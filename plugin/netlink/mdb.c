/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multicast entries of a bridge as rtnetlink messages. */
#include "mdb.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "build.h"

/* For a linux/if_bridge.h that is older than the attribute. */
#define MDBA_GET_ENTRY_OF_ONE 1 /* Linux 6.8: MDBA_GET_ENTRY */

static struct br_mdb_entry entry_of(unsigned int port, const struct ip_addr *group)
{
	struct br_mdb_entry entry = {
		.ifindex = port,
		.state = MDB_PERMANENT,
		.addr.proto = htons(ETH_P_IPV6),
	};

	memcpy(&entry.addr.u.ip6, group->bytes, sizeof(entry.addr.u.ip6));
	return entry;
}

static struct builder begin_entry(struct netlink *nl, struct nlmsghdr *msg,
				  unsigned int bridge)
{
	const struct br_port_msg header = {.family = AF_BRIDGE, .ifindex = bridge};

	return begin(nl, msg, &header, sizeof(header));
}

static void queue_entry(struct netlink *nl, struct nlmsghdr *msg,
			const struct mdb_port *port, const struct ip_addr *group)
{
	struct br_mdb_entry entry = entry_of(port->port, group);

	put(begin_entry(nl, msg, port->bridge), MDBA_SET_ENTRY, &entry, sizeof(entry));
}

void queue_mdb_add(struct netlink *nl, const struct mdb_port *port,
		   const struct ip_addr *group)
{
	struct nlmsghdr *msg =
		netlink_queue(nl, RTM_NEWMDB, NLM_F_CREATE | NLM_F_EXCL,
			      "saying that a member of %s is behind the port %s",
			      IP_TEXT(group), port->name);

	queue_entry(nl, msg, port, group);
}

void queue_mdb_del(struct netlink *nl, const struct mdb_port *port,
		   const struct ip_addr *group)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_DELMDB, 0,
					     "removing the group %s from the port %s",
					     IP_TEXT(group), port->name);

	queue_entry(nl, msg, port, group);
}

struct search {
	unsigned int bridge;
	struct br_mdb_entry wanted;
	enum mdb_state state;
};

static void info_read(struct nlattr *info, struct search *search)
{
	struct br_mdb_entry entry;

	if (nla_type(info) != MDBA_MDB_ENTRY_INFO || nla_len(info) < (int)sizeof(entry))
		return;
	memcpy(&entry, nla_data(info), sizeof(entry));
	if (entry.ifindex == search->wanted.ifindex && entry.vid == 0 &&
	    entry.addr.proto == search->wanted.addr.proto &&
	    memcmp(entry.addr.u.ip6.s6_addr, search->wanted.addr.u.ip6.s6_addr,
		   sizeof(struct in6_addr)) == 0)
		search->state = entry.state == MDB_PERMANENT ? MDB_STAYS : MDB_REPORTED;
}

static int entries_read(const struct nlmsghdr *answer, void *data)
{
	struct search *search = data;
	const struct br_port_msg *header;
	struct nlattr *table, *entry, *info;
	int left, left_entries, left_infos;

	if (!answer) {
		search->state = MDB_NONE;
		return 0;
	}
	if (!nlmsg_valid_hdr(answer, sizeof(*header)))
		return -EBADMSG;
	header = nlmsg_data(answer);
	if (header->ifindex != search->bridge)
		return 0;
	nlmsg_for_each_attr(table, answer, sizeof(*header), left)
	{
		if (nla_type(table) != MDBA_MDB)
			continue;
		nla_for_each_nested(entry, table, left_entries) {
			nla_for_each_nested(info, entry, left_infos) {
				info_read(info, search);
			}
		}
	}
	return 0;
}

/* Asks for the one group. The question names no port; the answer has all. */
static int ask_one(struct netlink *nl, struct search *search, struct cni_error *err)
{
	struct br_mdb_entry question = search->wanted;
	struct nlmsghdr *msg = netlink_queue(nl, RTM_GETMDB, 0,
					     "looking up a multicast group");

	question.ifindex = 0;
	question.state = 0;
	put(begin_entry(nl, msg, search->bridge), MDBA_GET_ENTRY_OF_ONE, &question,
	    sizeof(question));
	return netlink_request(nl, entries_read, search, ENOENT, err);
}

static int ask_all(struct netlink *nl, struct search *search, struct cni_error *err)
{
	begin_entry(nl,
		    netlink_queue(nl, RTM_GETMDB, NLM_F_DUMP,
				  "listing the multicast groups"),
		    0);
	return netlink_request(nl, entries_read, search, 0, err);
}

int mdb_find(struct netlink *nl, const struct mdb_port *port, const struct ip_addr *group,
	     enum mdb_state *ret_state, struct cni_error *err)
{
	struct search search = {
		.bridge = port->bridge,
		.wanted = entry_of(port->port, group),
	};
	int ret = ask_one(nl, &search, NULL);

	/* A kernel before Linux 6.8 tells of all groups alone. */
	if (ret < 0)
		ret = ask_all(nl, &search, err);
	if (ret < 0)
		return ret;
	*ret_state = search.state;
	return 0;
}
