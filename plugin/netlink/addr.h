/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses of interfaces over rtnetlink. The queue_ functions add a change to the
 * connection's queue, which netlink_commit() carries out: what goes wrong is told there.
 * The others ask the kernel and return its answer; they fail with code 101. See
 * rtnetlink(7), linux/if_addr.h.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_ADDR_H
#define BRIDGE_CNI_PLUGIN_NETLINK_ADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* Adds an address; -EEXIST where it is there. An IPv6 address serves at once, without
 * duplicate address detection, unless @dad. */
void queue_addr_add(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address, bool dad);
/* Adds an address without duplicate address detection, or leaves it where it is there
 * already. */
void queue_addr_set(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address);
/* Adds an address that no network and no broadcast address go along with, and which
 * serves at once. It must not be there. */
void queue_addr_add_alone(struct netlink *nl, unsigned int index, const char *name,
			  const struct ip_addr *addr);
void queue_addr_del(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address);

/* The addresses of one interface. */
struct addr_list {
	struct ip_prefix *items;
	size_t n;
	bool tentative; /* duplicate address detection is still at work on one of them */
	struct ip_addr
		/* an address that the detection found at somebody else; family 0: none */
		duplicate;
};
int addr_list_get(struct netlink *nl, unsigned int index, int family,
		  struct addr_list *ret_list, struct cni_error *err);
void addr_list_clear(struct addr_list *list);
bool addr_list_has(const struct addr_list *list, const struct ip_prefix *address);
/* "10.1.2.3/24, fd00::3/64", or "none"; cut to fit. Returns @buf. */
const char *addr_list_format(const struct addr_list *list, char *buf, size_t size);

/* All addresses of a family, whatever interface they are on. */
struct link_addr {
	unsigned int index; /* of the interface */
	struct ip_prefix address;
};
struct link_addr_list {
	struct link_addr *items;
	size_t n;
};
int link_addr_list_get(struct netlink *nl, int family, struct link_addr_list *ret_list,
		       struct cni_error *err);
void link_addr_list_clear(struct link_addr_list *list);

#endif
