/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bridge's entries that say behind which port a MAC address is, and the addresses that
 * other interfaces take frames for, over rtnetlink. See bridge(8), linux/neighbour.h. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_FDB_H
#define BRIDGE_CNI_PLUGIN_NETLINK_FDB_H

#include <stdbool.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* Queues an entry that stays: @mac is behind the port @index, named @name, whatever other
 * ports send. It goes with the port. -EEXIST: the bridge has an entry of this address. */
void queue_fdb_add(struct netlink *nl, unsigned int index, const char *name,
		   const struct mac_addr *mac);

/* The same, in place of any entry of this address, that of the bridge itself too. */
void queue_fdb_replace(struct netlink *nl, unsigned int index, const char *name,
		       const struct mac_addr *mac);

struct fdb_entry {
	unsigned int index; /* the port, or the bridge itself; 0: there is no entry */
	bool own; /* it is the address of the bridge, or of the port on the node */
	bool stays; /* it isn't one that was learned and that frames may move */
	bool fixed; /* it is one that queue_fdb_add() makes */
};

/* Finds the entry of @mac in the bridge of the port @index, where it filters VLANs that
 * of @vlan; 0: the one of all VLANs. Code 101. */
int fdb_find(struct netlink *nl, unsigned int index, const struct mac_addr *mac,
	     uint16_t vlan, struct fdb_entry *ret_entry, struct cni_error *err);

/* Has the bridge @index itself an entry of @mac, behind any port? Code 101. */
int fdb_has(struct netlink *nl, unsigned int index, const struct mac_addr *mac,
	    bool *ret_has, struct cni_error *err);

/* Addresses, in ascending order; mac_list_clear() frees them. */
struct mac_list {
	struct mac_addr *items;
	size_t n;
};

void mac_list_clear(struct mac_list *list);
bool mac_list_has(const struct mac_list *list, const struct mac_addr *mac);

/*
 * Lists the addresses that an interface of the namespace takes frames for, besides its own
 * one; @index 0: those of all interfaces. The master of a macvlan that is up and not in mode
 * passthru has its address there, wherever the macvlan is: `bridge fdb` shows "self
 * permanent". Code 101.
 */
int fdb_served_get(struct netlink *nl, unsigned int index, struct mac_list *ret_list,
		   struct cni_error *err);

#endif
