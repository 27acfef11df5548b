/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks addresses up in the kernel's routing tables: one question, one answer. */
#include "fib.h"

#include <linux/rtnetlink.h>

#include "build.h"
#include "route_lookup.h"

void queue_route_question(struct netlink *nl, const struct ip_addr *addr,
			  unsigned int flags)
{
	const struct rtmsg header = {
		.rtm_family = addr->family,
		.rtm_dst_len = ip_bits(addr->family),
		.rtm_flags = flags,
	};

	put(begin(nl,
		  netlink_queue(nl, RTM_GETROUTE, 0, "looking the route to %s up",
				IP_TEXT(addr)),
		  &header, sizeof(header)),
	    RTA_DST, addr->bytes, ip_size(addr->family));
}

/* A route may refuse packets: then nothing leaves, and nobody here gets it. */
int route_interface(struct netlink *nl, const struct ip_addr *addr,
		    unsigned int *ret_index, struct cni_error *err)
{
	struct route_decision decision;
	int ret = route_lookup(nl, &(struct route_packet){.to = *addr}, &decision, err);

	if (ret == 0)
		*ret_index = decision.errnum ? 0 : decision.out;
	return ret;
}

int route_is_local(struct netlink *nl, const struct ip_addr *addr, bool *ret_local,
		   struct cni_error *err)
{
	struct route_decision decision;
	int ret = route_lookup(nl, &(struct route_packet){.to = *addr}, &decision, err);

	if (ret == 0)
		*ret_local = !decision.errnum && decision.type == RTN_LOCAL;
	return ret;
}
