/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two tables of a VXLAN device in the kernel: its neighbours, which MAC address an
 * inner address has, and its forwarding database, which outer address a MAC address has.
 * Both are pairs of an IP address and a MAC address. See ip-neighbour(8), bridge(8).
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_VXLAN_TABLES_H
#define BRIDGE_CNI_AGENT_TUNNEL_VXLAN_TABLES_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf/base/addr.h"
#include "plugin/netlink/netlink.h"

struct vxlan_pair {
	struct ip_addr addr;
	struct mac_addr mac;
	bool odd; /* the kernel's entry has something that none of the agent's has */
	bool wanted; /* for the caller; false where the kernel was read */
};
struct vxlan_pairs {
	struct vxlan_pair *items;
	size_t n;
};
void vxlan_pairs_clear(struct vxlan_pairs *list);

/* A table: how its entries are read, ordered, set and removed. */
struct vxlan_table {
	/* The key of the table, an address or a MAC address: <0, 0, >0, and sorting by
	 * it */
	int (*cmp)(const void *a, const void *b);
	void (*sort)(struct vxlan_pair *pairs, size_t n);
	/* Queues the entry, in place of one of the same key. */
	void (*queue_set)(struct netlink *nl, unsigned int index, const char *name,
			  const struct vxlan_pair *pair);
	/* Queues the removal of whatever the key has; -ENOENT: there is nothing. */
	void (*queue_del)(struct netlink *nl, unsigned int index, const char *name,
			  const struct vxlan_pair *pair);
	/* Reads the entries of a device, sorted, each key once: one with several entries
	 * is odd. Codes 100, 101. */
	int (*read)(struct netlink *nl, unsigned int index, struct vxlan_pairs *ret_list,
		    struct cni_error *err);
};
extern const struct vxlan_table vxlan_neighbours, vxlan_forwarding;

/* A message of the kernel's about an entry of a device. */
struct vxlan_entry {
	const struct vxlan_table *table;
	struct vxlan_pair pair;
	bool has_mac; /* false: of a neighbour that the kernel can't reach, or asks for */
	bool removed;
};

/* Reads it. False: it is of another kind, of another device or of a multicast
 * address. */
bool vxlan_entry_read(const struct nlmsghdr *message, unsigned int index,
		      struct vxlan_entry *ret_entry);

/* How long ago a forwarding entry was last used to send, and how long ago it was set,
 * both in milliseconds. They are equal where the entry was never used. */
struct vxlan_use {
	struct ip_addr addr; /* outer */
	uint32_t used_ms, updated_ms;
};
typedef void (*vxlan_use_fn)(const struct vxlan_use *use, void *data);

/* Hands the use of each forwarding entry of a device to @fn. Where a change has
 * interrupted the reading, some entries come twice. Code 101. */
int vxlan_uses_read(struct netlink *nl, unsigned int index, vxlan_use_fn fn, void *data,
		    struct cni_error *err);

#endif
