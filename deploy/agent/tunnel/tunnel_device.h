/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the devices of all tunnels have in common: this node's own address on them, and
 * kernel parameters. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_DEVICE_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_DEVICE_H

#include "conf/base/addr.h"
#include "plugin/netlink/netlink.h"

/* Outcome of functions that remove devices: there was one, and it is gone. */
#define TUNNEL_DEVICE_REMOVED 1

/*
 * Sees to it that packets of pods whose route back leads elsewhere for the moment pass
 * the device, and that it has IPv6 where one of @addresses is IPv6: before it is set up.
 * Codes 5, 101.
 */
int tunnel_device_parameters(const char *name,
			     const struct ip_addr addresses[IP_FAMILIES],
			     struct cni_error *err);

/* Sees to it that the device has exactly @addresses, by family (family 0: none), each
 * alone, without a network around it. Returns how many differed. Code 101. */
int tunnel_device_addresses(struct netlink *nl, const char *name, unsigned int index,
			    const struct ip_addr addresses[IP_FAMILIES],
			    struct cni_error *err);

#endif
