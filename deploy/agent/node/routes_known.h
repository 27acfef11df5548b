/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the agent knows of the kernel's routes of one family: its own ones, and those of
 * others. It is read once, then remembered: to list 5,000 routes takes 3 ms, and the
 * kernel tells of each change (route_events.h).
 */
#ifndef BRIDGE_CNI_AGENT_NODE_ROUTES_KNOWN_H
#define BRIDGE_CNI_AGENT_NODE_ROUTES_KNOWN_H

#include <linux/netlink.h>

#include "kernel_routes.h"

/* A route of the agent's. */
struct own_route {
	struct ip_prefix dst;
	struct ip_addr gw; /* family 0: none */
	bool onlink; /* as in struct kernel_route */
	unsigned int index; /* of the interface */
	uint32_t node; /* whose it is, for the caller */
};
struct own_routes {
	struct own_route *items; /* owned */
	size_t n;
};
void own_routes_clear(struct own_routes *list);

/* <0, 0, >0, by destination. */
static inline int own_route_cmp(const struct own_route *a, const struct own_route *b)
{
	return bytes_cmp(&a->dst, &b->dst, sizeof(a->dst));
}
void own_routes_sort(struct own_routes *list);
/* Do both, which are to the same destination, lead the same way? */
static inline bool own_route_leads(const struct own_route *a, const struct own_route *b)
{
	return a->index == b->index && ip_equal(&a->gw, &b->gw);
}
/* The route to @dst in a sorted list; NULL: there is none. */
const struct own_route *own_routes_find(const struct own_routes *list,
					const struct ip_prefix *dst);

/* Zero-initialise it. */
struct routes_known {
	bool valid; /* what is here is what the kernel has */
	/* The routes of others. Before routes_known_set() there are also routes with the
	 * agent's protocol that are made in another way than the agent does. */
	struct kernel_routes kernel;
	struct own_routes ours; /* sorted */
};
void routes_known_clear(struct routes_known *known);

/* Reads the kernel's. After an error nothing is known. Codes 100, 101. */
int routes_known_read(struct routes_known *known, struct netlink *nl, int family,
		      struct cni_error *err);

/* Remembers a sorted list: these are the agent's routes now. Without memory for it nothing
 * is known. The array stays where it is, so that the heap gets no holes. */
void routes_known_set(struct routes_known *known, const struct own_routes *ours);

/*
 * Is an RTM_NEWROUTE or RTM_DELROUTE message about a route with the agent's protocol and
 * an interface of its own just what is known? @known: by family. @attrs: the message's, by
 * RTA_*.
 */
bool routes_known_has(const struct routes_known known[IP_FAMILIES],
		      const struct nlmsghdr *message, struct nlattr *const attrs[]);

#endif
