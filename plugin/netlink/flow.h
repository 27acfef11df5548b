/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets between two addresses that belong together. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_FLOW_H
#define BRIDGE_CNI_PLUGIN_NETLINK_FLOW_H

#include <stdint.h>

#include "conf/base/addr.h"

/* One connection of TCP, or one sequence of echo requests. */
struct flow {
	struct ip_addr from, to; /* of one family */
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_ICMP or IPPROTO_ICMPV6 */
	uint16_t from_port, to_port; /* TCP */
	uint16_t id; /* of the echo requests */
};

#endif
