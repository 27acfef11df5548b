/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "route_lookup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "attr.h"
#include "build.h"

static int decision_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[RTA_MAX + 1];
	struct route_decision *decision = data;
	const struct rtmsg *header;
	int size;

	*decision = (struct route_decision){.errnum = ENETUNREACH};
	if (!answer)
		return 0;
	header = nlmsg_data(answer);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, RTA_MAX,
			NULL) < 0)
		return -EBADMSG;
	decision->errnum = 0;
	decision->type = header->rtm_type;
	decision->out = get_u32(attrs[RTA_OIF]);
	decision->table = attrs[RTA_TABLE] ? get_u32(attrs[RTA_TABLE])
					   : header->rtm_table;
	get_ip(attrs[RTA_GATEWAY], header->rtm_family, &decision->gateway);
	get_ip(attrs[RTA_PREFSRC], header->rtm_family, &decision->source);
	if (attrs[RTA_VIA]) {
		const struct rtvia *via = nla_data(attrs[RTA_VIA]);

		size = nla_len(attrs[RTA_VIA]) - (int)sizeof(*via);
		if (size >= (int)ip_size(via->rtvia_family)) {
			decision->gateway.family = via->rtvia_family;
			memcpy(decision->gateway.bytes, via->rtvia_addr,
			       ip_size(via->rtvia_family));
		}
	}
	return 0;
}

/* IPv6 answers with a route that refuses, where IPv4 answers with its error. */
static int refusal_of(uint8_t type)
{
	switch (type) {
	case RTN_UNREACHABLE:
		return EHOSTUNREACH;
	case RTN_PROHIBIT:
		return EACCES;
	case RTN_BLACKHOLE:
		return EINVAL;
	}
	return 0;
}

int route_lookup(struct netlink *nl, const struct route_packet *packet,
		 struct route_decision *ret_decision, struct cni_error *err)
{
	const struct rtmsg header = {
		.rtm_family = packet->to.family,
		.rtm_dst_len = ip_bits(packet->to.family),
		.rtm_src_len = packet->from.family ? ip_bits(packet->from.family) : 0,
	};
	struct route_decision decision = {};
	struct cni_error own = {};
	struct builder b;
	int ret;

	b = begin(nl,
		  netlink_queue(nl, RTM_GETROUTE, 0, "looking the route to %s up",
				IP_TEXT(&packet->to)),
		  &header, sizeof(header));
	put_ip(b, RTA_DST, &packet->to);
	if (packet->from.family)
		put_ip(b, RTA_SRC, &packet->from);
	if (packet->in)
		put_u32(b, RTA_IIF, packet->in);
	ret = netlink_request(nl, decision_read, &decision, 0, &own);
	if (ret == -ENETUNREACH || ret == -EHOSTUNREACH || ret == -EACCES ||
	    ret == -EINVAL || ret == -EXDEV) {
		*ret_decision = (struct route_decision){.errnum = -ret};
		return 0;
	}
	if (ret < 0) {
		error_copy(err, &own);
		return ret;
	}
	if (!decision.errnum)
		decision.errnum = refusal_of(decision.type);
	*ret_decision = decision;
	return 0;
}
