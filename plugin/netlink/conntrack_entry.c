/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntrack_entry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "attr.h"
#include "nfnetlink.h"

static void put_be16(struct builder b, int type, uint16_t value)
{
	uint16_t number = htons(value);

	put(b, type, &number, sizeof(number));
}

static void put_u8(struct builder b, int type, uint8_t value)
{
	put(b, type, &value, sizeof(value));
}

static void put_protocol(struct builder b, const struct flow *flow)
{
	put_u8(b, CTA_PROTO_NUM, flow->protocol);
	switch (flow->protocol) {
	case IPPROTO_TCP:
		put_be16(b, CTA_PROTO_SRC_PORT, flow->from_port);
		put_be16(b, CTA_PROTO_DST_PORT, flow->to_port);
		break;
	case IPPROTO_ICMP:
		put_be16(b, CTA_PROTO_ICMP_ID, flow->id);
		put_u8(b, CTA_PROTO_ICMP_TYPE, ICMP_ECHO);
		put_u8(b, CTA_PROTO_ICMP_CODE, 0);
		break;
	case IPPROTO_ICMPV6:
		put_be16(b, CTA_PROTO_ICMPV6_ID, flow->id);
		put_u8(b, CTA_PROTO_ICMPV6_TYPE, ICMPV6_ECHO_REQUEST);
		put_u8(b, CTA_PROTO_ICMPV6_CODE, 0);
		break;
	}
}

static uint16_t port_of(const struct nlattr *attr)
{
	return ntohs(get_u16(attr));
}

static int reply_read(struct nlattr *tuple, int family, struct conntrack_entry *entry)
{
	struct nlattr *parts[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1],
		*proto[CTA_PROTO_MAX + 1];
	bool v4 = family == AF_INET;

	if (!tuple || nla_parse_nested(parts, CTA_TUPLE_MAX, tuple, NULL) < 0 ||
	    !parts[CTA_TUPLE_IP] || !parts[CTA_TUPLE_PROTO] ||
	    nla_parse_nested(ip, CTA_IP_MAX, parts[CTA_TUPLE_IP], NULL) < 0 ||
	    nla_parse_nested(proto, CTA_PROTO_MAX, parts[CTA_TUPLE_PROTO], NULL) < 0)
		return -EBADMSG;
	get_ip(ip[v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC], family, &entry->reply_from);
	get_ip(ip[v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST], family, &entry->reply_to);
	entry->reply_from_port = port_of(proto[CTA_PROTO_SRC_PORT]);
	entry->reply_to_port = port_of(proto[CTA_PROTO_DST_PORT]);
	return 0;
}

static int entry_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[CTA_MAX + 1];
	struct conntrack_entry *entry = data;
	uint32_t status;

	*entry = (struct conntrack_entry){};
	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			CTA_MAX, NULL) < 0)
		return -EBADMSG;
	status = ntohl(get_u32(attrs[CTA_STATUS]));
	entry->exists = true;
	entry->answered = status & IPS_SEEN_REPLY;
	entry->assured = status & IPS_ASSURED;
	return reply_read(attrs[CTA_TUPLE_REPLY],
			  ((struct nfgenmsg *)nlmsg_data(answer))->nfgen_family, entry);
}

int conntrack_entry_get(struct netlink *nl, const struct flow *flow,
			struct conntrack_entry *ret_entry, struct cni_error *err)
{
	struct builder b =
		begin_nfnl(nl,
			   netlink_queue(nl, NFNL_TYPE(CTNETLINK, IPCTNL_MSG_CT_GET), 0,
					 "looking a connection up"),
			   flow->from.family);
	bool v4 = flow->from.family == AF_INET;
	struct nlattr *tuple = nest(b, CTA_TUPLE_ORIG | NLA_F_NESTED), *part;
	struct conntrack_entry entry = {};
	int ret;

	part = nest(b, CTA_TUPLE_IP | NLA_F_NESTED);
	put_ip(b, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, &flow->from);
	put_ip(b, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, &flow->to);
	nest_end(b, part);
	part = nest(b, CTA_TUPLE_PROTO | NLA_F_NESTED);
	put_protocol(b, flow);
	nest_end(b, part);
	nest_end(b, tuple);
	ret = netlink_request(nl, entry_read, &entry, ENOENT, err);
	if (ret < 0)
		return ret;
	*ret_entry = entry;
	return 0;
}
