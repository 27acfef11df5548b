/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan of this node's tunnels: the other nodes (peers), the addresses between which
 * the outer packets travel (the underlay), and which ranges of pods are behind which
 * peer. It is plain data, made anew from the node table whenever that has changed.
 * Nothing here asks the kernel.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_PLAN_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_PLAN_H

#include "deploy/agent/api/node_table.h"
#include "deploy/agent/api/route_problem.h"
#include "flannel_notes.h"

/* Addresses that a peer's pods have: an accepted podCIDR of the peer, or a former one
 * that is still routed. The peer's device has the network address, which no pod has. */
struct tunnel_range {
	struct ip_prefix cidr; /* host bits zero */
	uint32_t peer; /* index into the plan's peers */
};

/* How this node sends to the pods of one family of a node that runs flannel. */
struct flannel_end {
	enum route_problem problem;
	/* With ROUTE_FLANNEL: which annotation can't be used, and why. With ROUTE_FINE it
	 * is the one that has the address. */
	enum flannel_note at;
	enum flannel_fault fault;
	/* With ROUTE_FINE: the other end on the underlay, which has the same family. */
	struct ip_addr addr;
	struct mac_addr mac;
	unsigned int device; /* as in struct tunnel_peer */
};

struct tunnel_peer {
	const struct cluster_node *node;
	/* By family: the InternalIPs that it may send from, which are the first one of
	 * each family where that is usable and, unless a key counts, no other Node's;
	 * family 0: none. */
	struct ip_addr addresses[IP_FAMILIES];
	uint8_t shared; /* bit 1 << family: that InternalIP is another Node's, too */
	/* The family of the underlay that this node sends to it by, as an index of
	 * ip_families[]: of this node's own InternalIPs, in their order, the first whose
	 * family both nodes have. Only with ROUTE_FINE. */
	uint8_t underlay;
	struct mac_addr mac; /* of its VXLAN device */
	bool has_v6; /* a range of IPv6 is behind it */
	/* ROUTE_FINE, or why this node can't send to it. Whoever makes the tunnel may set
	 * a reason of its own. */
	enum route_problem problem;
	/* The device that leads to it, by its index; 0: there is none. Whoever makes the
	 * tunnel sets it. */
	unsigned int device;
	/* The ends of a node that runs flannel, by the pods' family. They count in place
	 * of @underlay, @mac, @problem and @device: ask tunnel_peer_end(). NULL: the node
	 * doesn't run flannel. */
	struct flannel_end *flannel;
};

/* Zero-initialise it. What it points to is valid until the node table changes. */
struct tunnel_plan {
	const struct cluster_node *own; /* this node */
	struct mac_addr mac; /* of this node's VXLAN devices */
	/* By family: this node's first InternalIPs, and its accepted podCIDRs; family 0:
	 * none. */
	struct ip_addr addresses[IP_FAMILIES];
	struct ip_prefix cidrs[IP_FAMILIES];
	/* The peers, one for each entry of the node table, in its order. The peer that
	 * stands for this node has the problem ROUTE_OWN_ADDRESS, and no addresses. */
	struct tunnel_peer *peers;
	size_t n_peers;
	/* The peers' indexes, in the order of their MAC addresses; the node table's. */
	const uint32_t *by_mac;
	struct tunnel_range *ranges; /* sorted by address; they lie apart */
	size_t n_ranges;
	struct flannel_end *flannel; /* of all peers; NULL: none runs flannel */
	/* Routes lead by tunnel_gateway(), as by a router on the device (VXLAN); else the
	 * device alone knows the way (WireGuard). */
	bool by_gateway;
	bool always; /* also to nodes on this node's link */
};
void tunnel_plan_clear(struct tunnel_plan *plan);

/* Gives the peer that is the @i-th by its MAC address, for a loop over all. */
static inline struct tunnel_peer *tunnel_peer_by_mac(const struct tunnel_plan *plan,
						     size_t i)
{
	if (i + FETCH_AHEAD < plan->n_peers)
		fetch(&plan->peers[plan->by_mac[i + FETCH_AHEAD]], sizeof(*plan->peers));
	return &plan->peers[plan->by_mac[i]];
}

/* Gives the peer of the range @i, for a loop over all ranges. */
static inline const struct tunnel_peer *tunnel_range_peer(const struct tunnel_plan *plan,
							  size_t i)
{
	if (i + FETCH_AHEAD < plan->n_ranges)
		fetch(&plan->peers[plan->ranges[i + FETCH_AHEAD].peer],
		      sizeof(*plan->peers));
	return &plan->peers[plan->ranges[i].peer];
}

/*
 * Makes the plan of the node named @own from @nodes, whose podCIDRs were judged. A Node
 * that isn't known, or has no accepted podCIDR, has a plan without own podCIDRs. Two
 * Nodes with one InternalIP are both without that address: which of them it belongs to
 * can't be told; the same goes for MAC addresses. @by_key: packets are a node's by its
 * key, so that addresses prove nothing; then both have it, and a Node that claims
 * another's takes nothing from that one. Code 100.
 */
int tunnel_plan_make(const struct node_table *nodes, const char *own, bool by_key,
		     struct tunnel_plan *ret_plan, struct cni_error *err);

/*
 * The address on the device by which routes lead to @cidr, which is the peer's: of IPv4
 * its network address, of IPv6 the link-local one of @mac, the peer's. The kernel takes
 * no other IPv6 gateway as long as a route by another interface leads to it, and one to
 * @cidr itself does: such a route could only be changed by removing it first.
 */
struct ip_addr tunnel_gateway(const struct mac_addr *mac, const struct ip_prefix *cidr);

/* The end of the tunnel by which this node sends to a peer's pods of one family. */
struct tunnel_end {
	int underlay; /* the family of the outer packets, as an index of ip_families[] */
	const struct ip_addr *addr;
	const struct mac_addr *mac; /* of the peer's VXLAN device */
	unsigned int device; /* of this node; 0: there is none */
};

/* @family: the pods', as an index of ip_families[]. ROUTE_FINE, or why there is none. */
enum route_problem tunnel_peer_end(const struct tunnel_peer *peer, int family,
				   struct tunnel_end *ret_end);

/* Tells whether a route by the tunnel to the node's pods of that family is preferred to a
 * direct one. For flannel's nodes it is: they answer by the tunnel, and where they check
 * the way back (rp_filter), they drop what comes by another one. */
bool tunnel_plan_prefers(const struct tunnel_plan *plan, const struct cluster_node *node,
			 int family);

/* The device and the gateway by which a route leads to a range. */
struct tunnel_way {
	unsigned int device; /* index */
	/* On the device, without a look at its networks; family 0: none. */
	struct ip_addr gw;
};

/* Gives the way to @cidr, which is a podCIDR of the node or a former one. ROUTE_FINE, or
 * why there is none. */
enum route_problem tunnel_plan_way(const struct tunnel_plan *plan,
				   const struct cluster_node *node,
				   const struct ip_prefix *cidr,
				   struct tunnel_way *ret_way);

#endif
