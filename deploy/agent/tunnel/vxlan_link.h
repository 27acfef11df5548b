/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VXLAN devices as libnl-route-3's objects: read from the kernel's messages, and made
 * messages of. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_VXLAN_LINK_H
#define BRIDGE_CNI_AGENT_TUNNEL_VXLAN_LINK_H

#include <net/if.h>
#include <stdbool.h>

#include "conf/base/addr.h"
#include "plugin/netlink/netlink.h"

/* The properties that a device is to have. */
struct vxlan_spec {
	const char *name;
	uint32_t vni;
	uint16_t port; /* of UDP, here and at the other nodes */
	struct ip_addr local; /* this node's on the underlay, whose family it has */
	struct mac_addr mac;
	uint32_t mtu; /* in bytes */
	/* The addresses of the device, by family, from which the node itself sends to
	 * pods of other nodes; family 0: none. The device has no other addresses, not
	 * even a link-local one. */
	struct ip_addr addresses[IP_FAMILIES];
};

/* The properties that a device has. */
struct vxlan_link {
	unsigned int index; /* 0: there is no such device */
	char name[IF_NAMESIZE];
	bool is_vxlan; /* the properties from @vni on are set for VXLAN devices alone */
	bool up;
	struct mac_addr mac;
	uint32_t mtu;
	bool no_link_local; /* the kernel makes it no IPv6 address */
	uint32_t vni;
	uint16_t port;
	struct ip_addr local;
	bool plain; /* none of the features that devices of this agent don't have */
};

/* Asks for the device of that name. That there is none is no error. Codes 100, 101. */
int vxlan_link_get(struct netlink *nl, const char *name, struct vxlan_link *ret_link,
		   struct cni_error *err);

/* Hands every VXLAN device to @fn. Codes 100, 101. */
typedef void (*vxlan_link_fn)(const struct vxlan_link *link, void *data);
int vxlan_link_each(struct netlink *nl, vxlan_link_fn fn, void *data,
		    struct cni_error *err);

/* Queues the making of the device, which is down, and has no address. */
void queue_vxlan_add(struct netlink *nl, const struct vxlan_spec *spec);

#endif
