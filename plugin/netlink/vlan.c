/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VLANs of bridge ports over rtnetlink. */
#include "vlan.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "build.h"

/* Puts the VLANs @first to @last into a message. The two ends of a range are an entry
 * each. */
static void vlans_put(struct netlink *nl, struct nlmsghdr *msg, unsigned int index,
		      uint16_t first, uint16_t last, uint16_t flags)
{
	struct ifinfomsg header = {.ifi_family = AF_BRIDGE, .ifi_index = index};
	struct bridge_vlan_info from = {.flags = flags, .vid = first};
	struct bridge_vlan_info to = {.flags = flags, .vid = last};
	struct builder b = begin(nl, msg, &header, sizeof(header));
	struct nlattr *spec = nest(b, IFLA_AF_SPEC);

	if (first != last) {
		from.flags |= BRIDGE_VLAN_INFO_RANGE_BEGIN;
		to.flags |= BRIDGE_VLAN_INFO_RANGE_END;
	}
	put(b, IFLA_BRIDGE_VLAN_INFO, &from, sizeof(from));
	if (first != last)
		put(b, IFLA_BRIDGE_VLAN_INFO, &to, sizeof(to));
	nest_end(b, spec);
}

void queue_port_native_vlan(struct netlink *nl, unsigned int index, const char *name,
			    uint16_t vlan)
{
	struct nlmsghdr *msg = netlink_queue(
		nl, RTM_SETLINK, 0, "giving port %s the native VLAN %u", name, vlan);

	vlans_put(nl, msg, index, vlan, vlan,
		  BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
}

void queue_port_trunk_vlans(struct netlink *nl, unsigned int index, const char *name,
			    uint16_t first, uint16_t last)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_SETLINK, 0,
					     "making %s a trunk port of VLANs %u to %u",
					     name, first, last);

	vlans_put(nl, msg, index, first, last, 0);
}

void queue_port_vlan_del(struct netlink *nl, unsigned int index, const char *name,
			 uint16_t vlan)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_DELLINK, 0,
					     "taking VLAN %u off port %s", vlan, name);

	vlans_put(nl, msg, index, vlan, vlan, 0);
}

static void entry_read(struct nlattr *entry, struct port_vlans *vlans)
{
	struct nlattr *attrs[BRIDGE_VLANDB_ENTRY_MAX + 1];
	struct bridge_vlan_info info;
	uint16_t last;

	if (nla_parse_nested(attrs, BRIDGE_VLANDB_ENTRY_MAX, entry, NULL) < 0 ||
	    !attrs[BRIDGE_VLANDB_ENTRY_INFO] ||
	    nla_len(attrs[BRIDGE_VLANDB_ENTRY_INFO]) < (int)sizeof(info))
		return;
	memcpy(&info, nla_data(attrs[BRIDGE_VLANDB_ENTRY_INFO]), sizeof(info));
	last = attrs[BRIDGE_VLANDB_ENTRY_RANGE]
		       ? nla_get_u16(attrs[BRIDGE_VLANDB_ENTRY_RANGE])
		       : info.vid;
	for (uint32_t vlan = info.vid; vlan <= last && vlan < VLAN_IDS; vlan++) {
		vlans->member[vlan] = true;
		vlans->untagged[vlan] = info.flags & BRIDGE_VLAN_INFO_UNTAGGED;
	}
	if (info.flags & BRIDGE_VLAN_INFO_PVID)
		vlans->pvid = info.vid;
}

struct vlan_query {
	unsigned int index;
	struct port_vlans *vlans;
};

static int vlans_read(const struct nlmsghdr *answer, void *data)
{
	const struct vlan_query *query = data;
	const struct br_vlan_msg *header;
	struct nlattr *entry;
	int left;

	if (!answer) {
		*query->vlans = (struct port_vlans){};
		return 0;
	}
	header = nlmsg_data(answer);
	if (header->ifindex != query->index)
		return 0;
	nlmsg_for_each_attr(entry, answer, sizeof(*header), left)
	{
		if (nla_type(entry) == BRIDGE_VLANDB_ENTRY)
			entry_read(entry, query->vlans);
	}
	return 0;
}

int port_vlans_get(struct netlink *nl, unsigned int index, struct port_vlans *ret_vlans,
		   struct cni_error *err)
{
	struct br_vlan_msg header = {.family = AF_BRIDGE, .ifindex = index};
	struct vlan_query query = {index, ret_vlans};

	begin(nl,
	      netlink_queue(nl, RTM_GETVLAN, NLM_F_DUMP,
			    "listing the VLANs of interface %u", index),
	      &header, sizeof(header));
	return netlink_request(nl, vlans_read, &query, 0, err);
}
