/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses of interfaces over rtnetlink. The queue_ functions add a change to the connection's
 * queue, which netlink_commit() carries out: what goes wrong is told there. The others ask the
 * kernel and return its answer; they fail with code 101. See rtnetlink(7), linux/if_addr.h.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_ADDR_H
#define BRIDGE_CNI_PLUGIN_NETLINK_ADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* IPv6: without duplicate address detection unless @dad, so that it serves at once. */
void queue_addr_add(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address, bool dad);
/* Without detection; fine where it is there. */
void queue_addr_set(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address);
void queue_addr_del(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address);

/* The addresses of one interface. */
struct addr_list {
	struct ip_prefix *items;
	size_t n;
	bool tentative; /* duplicate address detection is still at work on one of them */
	struct ip_addr
		duplicate; /* one that it found to be somebody else's; family 0: none */
};
int addr_list_get(struct netlink *nl, unsigned int index, int family,
		  struct addr_list *ret_list, struct cni_error *err);
void addr_list_clear(struct addr_list *list);
bool addr_list_has(const struct addr_list *list, const struct ip_prefix *address);
/* "10.1.2.3/24, fd00::3/64", or "none"; cut to fit. Returns @buf. */
const char *addr_list_format(const struct addr_list *list, char *buf, size_t size);

/* The addresses of a family, of all interfaces. */
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
