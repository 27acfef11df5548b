/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks a network namespace for its decision about one packet. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_ROUTE_LOOKUP_H
#define BRIDGE_CNI_PLUGIN_NETLINK_ROUTE_LOOKUP_H

#include "conf/base/addr.h"
#include "netlink.h"

struct route_packet {
	struct ip_addr to;
	struct ip_addr from; /* family 0: the kernel chooses */
	unsigned int
		in; /* index of the interface that it comes in by; 0: it is sent here */
};

struct route_decision {
	/* 0, or the errno by which the kernel refuses the packet: ENETUNREACH (no route),
	 * EHOSTUNREACH (an unreachable route, or none of the packets that come in are
	 * forwarded), EACCES (a route that prohibits), EINVAL (a blackhole, or an address
	 * that can't be a packet's), EXDEV (rp_filter). */
	int errnum;
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, … */
	unsigned int out; /* index of the interface */
	struct ip_addr gateway; /* family 0: the address is on the link */
	struct ip_addr source; /* that the kernel chooses; family 0: it tells none */
	uint32_t table; /* of the route */
};

/* Asks what becomes of the packet. Code 101. */
int route_lookup(struct netlink *nl, const struct route_packet *packet,
		 struct route_decision *ret_decision, struct cni_error *err);

#endif
