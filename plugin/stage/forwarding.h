/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the node forwards what pods send and what comes back: a switch for all, and, IPv4,
 * one for each interface that packets come in by. IPv6 has none of the latter but for
 * force_forwarding (Linux 6.17), which opens one where the switch for all is off.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_FORWARDING_H
#define BRIDGE_CNI_PLUGIN_STAGE_FORWARDING_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/*
 * Turns it on for the node and, IPv4, for the interface with the gateway addresses. An uplink
 * that is off is somebody's decision, and stays. Where all that pods need is on interface
 * by interface, the switch for all stays off. Codes 5, 11, 101.
 */
int forwarding_ensure(struct attachment *att, int family, struct cni_error *err);

/* Is the switch for all on? Codes 5; 101: the kernel has none of that family. */
int forwarding_all_get(int family, int *ret_on, struct cni_error *err);

/* Code 104 names the parameter that is off, the uplink's included. */
int forwarding_check(struct attachment *att, int family, struct cni_error *err);

/*
 * An uplink by which no IPv4 answer comes in to pods; index 0: there is none. IPv6 has none: what
 * its uplinks forward is settled with the switch for all. Code 101.
 */
int forwarding_closed_uplink(struct netlink *nl, struct link *ret_link,
			     struct cni_error *err);

/* Tells the operator of one, which is no error. Code 101. */
int forwarding_tell_uplink(struct attachment *att, struct cni_error *err);

/* "/proc/sys/net/ipv4/conf/IFNAME/forwarding". Returns @buf. */
#define FORWARDING_NAME_MAX 64
const char *forwarding_name(const char *ifname, char buf[FORWARDING_NAME_MAX]);
#define FORWARDING_NAME(ifname) forwarding_name((ifname), (char[FORWARDING_NAME_MAX]){})

#endif
