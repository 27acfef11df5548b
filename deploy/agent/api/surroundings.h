/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses that a node's surroundings forbid: those that no podCIDR may have in it, and
 * those that are no other node's InternalIP. It is plain data, which is asked by binary
 * search: a node with IPVS has thousands of addresses, and a cluster thousands of Nodes.
 */
#ifndef BRIDGE_CNI_AGENT_API_SURROUNDINGS_H
#define BRIDGE_CNI_AGENT_API_SURROUNDINGS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf/base/error.h"
#include "conf/network.h"
#include "range_verdict.h"

/* Addresses that no podCIDR may have in it. */
struct obstacle {
	struct ip_prefix prefix; /* host bits zero */
	enum range_verdict why; /* RANGE_NODE_NETWORK, RANGE_GATEWAY, RANGE_API_SERVER */
	char interface[IF_NAMESIZE]; /* that has it, or leads there; "": none */
};
struct obstacle_list {
	struct obstacle *items;
	size_t n;
};

/* An address that is no other node's. */
struct taken_address {
	struct ip_addr addr;
	enum address_verdict why; /* ADDRESS_OWN, ADDRESS_UNUSABLE */
};
struct taken_list {
	struct taken_address *items;
	size_t n;
};

/* A podCIDR that was in use when the agent started. */
struct held_range {
	struct ip_prefix cidr;
	struct ip_addr gateway; /* of our route to it; family 0: it is this node's own */
};
struct held_list {
	struct held_range *items;
	size_t n;
};

/* Zero-initialise it, add to it, then call surroundings_settle(). */
struct surroundings {
	struct obstacle_list obstacles; /* sorted; none is inside another */
	struct taken_list taken; /* sorted */
	struct held_list held; /* sorted */
};
void surroundings_clear(struct surroundings *around);

/*
 * Adds an address of an interface of this node, with its prefix length. @of_pods: the
 * interface is there for pods, which have addresses in the same network. @cluster: of
 * --cluster-cidr: a network that has a whole one of these in it is shared with the pods
 * on purpose, and only the address itself is protected. Code 100.
 */
int surroundings_add_address(struct surroundings *around, const struct ip_prefix *address,
			     const char *interface, bool of_pods,
			     const struct prefix_list *cluster, struct cni_error *err);

/* Adds a network that an interface leads to. Code 100. */
int surroundings_add_network(struct surroundings *around, const struct ip_prefix *network,
			     const char *interface, const struct prefix_list *cluster,
			     struct cni_error *err);

/* Adds the gateway of a route, or the API server. Code 100. */
int surroundings_add_host(struct surroundings *around, const struct ip_addr *addr,
			  enum range_verdict why, const char *interface,
			  struct cni_error *err);

/* Adds a podCIDR that is in use. Code 100. */
int surroundings_add_held(struct surroundings *around, const struct held_range *held,
			  struct cni_error *err);

/* Sorts what was added. */
void surroundings_settle(struct surroundings *around);

/* The first obstacle that @prefix overlaps; NULL: there is none. */
const struct obstacle *surroundings_overlap(const struct surroundings *around,
					    const struct ip_prefix *prefix);

/* ADDRESS_OWN, ADDRESS_UNUSABLE, or ADDRESS_USABLE where nothing speaks against it. */
enum address_verdict surroundings_address(const struct surroundings *around,
					  const struct ip_addr *addr);

bool surroundings_holds(const struct surroundings *around, const struct held_range *held);

#endif
