/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of all modes are refused, set up, given this node's addresses, and removed
 * in one way, which is here. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_DEVICE_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_DEVICE_H

#include <stdbool.h>

#include "conf/base/addr.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/netlink.h"

/* The interface that has a device's name is no device of @kind, "VXLAN" or "WireGuard":
 * sets @err, with code 103. Returns -EEXIST. */
int tunnel_device_refuse(const char *name, const char *kind, struct cni_error *err);

#define TUNNEL_DEVICE_STARTED	 1
#define TUNNEL_DEVICE_PORT_TAKEN 2 /* by somebody else; the device is down */

/*
 * Sees to it that the device has IPv6 where one of @addresses is IPv6, and that it lets
 * packets pass whose way back leads elsewhere for the moment; then sets it up unless it is
 * (@up). Its MTU is right already. TUNNEL_DEVICE_STARTED: it was down; 0: it was up. Codes
 * 5, 101.
 */
int tunnel_device_start(struct netlink *nl, const struct link_known *link, bool up,
			const struct ip_addr addresses[IP_FAMILIES],
			struct cni_error *err);

/* Sees to it that the device has exactly @addresses, by family (family 0: none), each
 * alone, without a network around it. Returns how many differed. Code 101. */
int tunnel_device_addresses(struct netlink *nl, const char *name, unsigned int index,
			    const struct ip_addr addresses[IP_FAMILIES],
			    struct cni_error *err);

/* Sets the devices of all modes down, so that nothing comes in by them. Codes 100, 101. */
int tunnel_devices_stop(struct netlink *nl, struct cni_error *err);

#define TUNNEL_DEVICE_REMOVED 1

/* Removes the device of that name and kind ("vxlan", "wireguard"), whoever made it; one of
 * another kind stays. TUNNEL_DEVICE_REMOVED, or 0. Codes 100, 101. */
int tunnel_device_remove(struct netlink *nl, const char *name, const char *kind,
			 struct cni_error *err);

#endif
