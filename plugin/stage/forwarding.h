/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does the node forward what pods send and what comes back? There is a switch for all
 * interfaces and, in IPv4, one for each interface that packets come in by. In IPv6 an
 * interface has only force_forwarding (Linux 6.17), which opens it where the switch for
 * all is off.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_FORWARDING_H
#define BRIDGE_CNI_PLUGIN_STAGE_FORWARDING_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/*
 * Turns forwarding on for the node and, in IPv4, for the interface with the gateway
 * addresses. An uplink that is off is somebody's decision, and stays off. Where all that
 * pods need is on interface by interface, the switch for all stays off. Codes 5, 11, 101.
 */
int forwarding_ensure(struct attachment *att, int family, struct cni_error *err);

/* Is the switch for all on? Code 101, also where the kernel has none of that family. */
int forwarding_all_get(struct netlink *nl, int family, bool *ret_on,
		       struct cni_error *err);

/* CHECK: code 104 names the parameter that is off, an uplink's included. */
int forwarding_check(struct attachment *att, int family, struct cni_error *err);

/*
 * Lists the uplinks that let no IPv4 answer in to pods. IPv6 has no such uplinks, as the
 * switch for all settles what they forward. Code 101.
 */
int forwarding_closed_uplinks(struct netlink *nl, struct link_list *ret_list,
			      struct cni_error *err);

/* Tells the operator by notice() of such uplinks, which is no error. Code 101. */
int forwarding_tell_uplinks(struct attachment *att, struct cni_error *err);

/* Writes "/proc/sys/net/ipv4/conf/IFNAME/forwarding". Returns @buf. */
#define FORWARDING_NAME_MAX 64
const char *forwarding_name(const char *ifname, char buf[FORWARDING_NAME_MAX]);
#define FORWARDING_NAME(ifname) forwarding_name((ifname), (char[FORWARDING_NAME_MAX]){})

#endif
