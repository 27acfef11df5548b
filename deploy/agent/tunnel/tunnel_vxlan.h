/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VXLAN mode: one device for each family of the underlay, with an entry for each peer
 * of the plan. Entries are added before routes lead to them, and removed after the routes
 * have gone.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_VXLAN_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_VXLAN_H

#include "tunnel_plan.h"
#include "vxlan_device.h"
#include "vxlan_entries.h"

struct vxlan_side {
	unsigned int index; /* of the device; 0: there is none */
	struct vxlan_entries entries;
};

/* Zero-initialise it, but for @events_fd, which is -1. */
struct tunnel_vxlan {
	struct vxlan_side sides[IP_FAMILIES];
	int events_fd; /* -1: nothing was prepared yet */
	unsigned int heard[IP_FAMILIES]; /* the devices whose messages it gets */
};
void tunnel_vxlan_clear(struct tunnel_vxlan *vxlan);

/* The options of the mode, and the MTU of the device over each family in bytes. */
struct tunnel_vxlan_spec {
	uint32_t vni;
	uint16_t port;
	uint32_t mtu[IP_FAMILIES];
};

/* The changes that were made, for the log. */
struct tunnel_vxlan_done {
	bool made[IP_FAMILIES], changed[IP_FAMILIES], removed[IP_FAMILIES]; /* devices */
	struct vxlan_done entries;
};

/*
 * Makes the devices, and adds the entries. One device whose making fails leaves the other
 * one as it should be; the first error is returned: those of vxlan_device_keep(), of
 * which code 103 is somebody else's doing. Adds to @done.
 */
int tunnel_vxlan_prepare(struct tunnel_vxlan *vxlan, struct netlink *nl,
			 const struct tunnel_plan *plan,
			 const struct tunnel_vxlan_spec *spec,
			 struct tunnel_vxlan_done *done, struct cni_error *err);

/* Has the plan's routes lead by the devices. */
void tunnel_vxlan_lead(const struct tunnel_vxlan *vxlan, struct tunnel_plan *plan);

/* Removes what the plan of the last tunnel_vxlan_prepare() doesn't have. Codes 100,
 * 101. */
int tunnel_vxlan_settle(struct tunnel_vxlan *vxlan, struct netlink *nl,
			const struct tunnel_plan *plan, struct tunnel_vxlan_done *done,
			struct cni_error *err);

/* Reads the kernel's messages from @events_fd. True: an entry is not as it should be, so
 * that tunnel_vxlan_prepare() has something to mend. */
bool tunnel_vxlan_events(struct tunnel_vxlan *vxlan);

/* Removes both devices, whoever made them, and with them their entries and routes.
 * TUNNEL_DEVICE_REMOVED, or 0. Codes 100, 101. */
int tunnel_vxlan_remove(struct netlink *nl, struct cni_error *err);

#endif
