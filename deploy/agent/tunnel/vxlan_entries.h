/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the entries of a VXLAN device (vxlan_tables.h) right: what is missing is added
 * before routes move, what nobody needs any more goes afterwards. What the kernel has is
 * read once, then remembered: a dump of 5,000 nodes' entries takes 40 ms, and the kernel
 * tells of each change (vxlan_entries_event()).
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_VXLAN_ENTRIES_H
#define BRIDGE_CNI_AGENT_TUNNEL_VXLAN_ENTRIES_H

#include "vxlan_tables.h"

/* Zero-initialise it. */
struct vxlan_entries {
	unsigned int index; /* of the device */
	bool known; /* the tables below are what the kernel has */
	struct vxlan_pairs neighbours, forwarding; /* sorted */
};
void vxlan_entries_clear(struct vxlan_entries *entries);

/* Reads what the device @index has; whatever was known before is forgotten. Codes 100,
 * 101. */
int vxlan_entries_read(struct netlink *nl, struct vxlan_entries *entries,
		       unsigned int index, struct cni_error *err);

/* Returns the outer address to which the device sends packets whose gateway is @gw;
 * family 0: there is none. */
struct ip_addr vxlan_entries_peer(const struct vxlan_entries *entries,
				  const struct ip_addr *gw);

/* The entries that a device is to have. Each list is sorted as its table says, and has
 * each key once. */
struct vxlan_wanted {
	struct vxlan_pairs neighbours, forwarding;
};
void vxlan_wanted_clear(struct vxlan_wanted *wanted);

struct vxlan_done {
	size_t set, removed; /* entries */
};

/*
 * Sees to it that the device @index, of that name, has all that is wanted; what it has
 * besides stays until vxlan_entries_trim(). Counts are added to @done. Codes 100, 101;
 * after an error the kernel is read again the next time.
 */
int vxlan_entries_add(struct netlink *nl, struct vxlan_entries *entries,
		      unsigned int index, const char *name,
		      const struct vxlan_wanted *wanted, struct vxlan_done *done,
		      struct cni_error *err);

/* Removes the entries that were not wanted in the last vxlan_entries_add(). Codes 100,
 * 101. */
int vxlan_entries_trim(struct netlink *nl, struct vxlan_entries *entries,
		       const char *name, struct vxlan_done *done, struct cni_error *err);

/* Takes a message of the kernel's about neighbours. True: an entry of the device is not
 * as it should be, and the kernel is read the next time. */
bool vxlan_entries_event(struct vxlan_entries *entries, const struct nlmsghdr *message);

#endif
