/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of the kernel's neighbour tables over rtnetlink: which MAC address an address
 * has on a link. The queue_ functions add a change to the connection's queue, which
 * netlink_commit() carries out: what goes wrong is told there. See rtnetlink(7),
 * linux/neighbour.h.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NEIGHBOUR_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NEIGHBOUR_H

#include "conf/base/addr.h"
#include "netlink.h"

/* The protocol of entries that are made here, as `ip -d neigh` shows it. The node agent's
 * routes have the same number. */
#define NEIGHBOUR_PROTOCOL 98

struct neighbour {
	unsigned int index; /* of the interface */
	struct ip_addr addr;
	struct mac_addr mac; /* not set: the kernel doesn't know it, or not any more */
	bool permanent; /* the kernel neither asks for it nor forgets it */
	uint8_t protocol; /* of whoever made it; 0: not told */
	uint16_t state; /* NUD_* of linux/neighbour.h */
};

/* Makes a permanent entry on the interface @index, named @name, in place of any other one
 * that there is for the address. */
void queue_neighbour_set(struct netlink *nl, unsigned int index, const char *name,
			 const struct ip_addr *addr, const struct mac_addr *mac);
/* Makes an entry one that the kernel has found by itself: it asks whether that still holds
 * when it is used, believes others, and forgets it. Refused with -ENOENT where there is
 * none. */
void queue_neighbour_ordinary(struct netlink *nl, unsigned int index, const char *name,
			      const struct ip_addr *addr, const struct mac_addr *mac);
/* Refused with -ENOENT where there is none. */
void queue_neighbour_del(struct netlink *nl, unsigned int index, const char *name,
			 const struct ip_addr *addr);

/* Asks for the entry of one address. @ret_found->addr.family is 0 where there is none;
 * that is no error. Code 101. */
int neighbour_get(struct netlink *nl, unsigned int index, const struct ip_addr *addr,
		  struct neighbour *ret_found, struct cni_error *err);

struct neighbour_list {
	struct neighbour *items;
	size_t n;
};

/* Queues the question for the entry of one address, for neighbour_list_ask(). */
void queue_neighbour_question(struct netlink *nl, unsigned int index,
			      const struct ip_addr *addr);
/* Asks all that is queued, in one send. @ret_list has the entries that there are. Code
 * 101. */
int neighbour_list_ask(struct netlink *nl, struct neighbour_list *ret_list,
		       struct cni_error *err);

/* All neighbours of the namespace, of both families. Code 101. */
int neighbour_list_get(struct netlink *nl, struct neighbour_list *ret_list,
		       struct cni_error *err);
void neighbour_list_clear(struct neighbour_list *list);

#endif
