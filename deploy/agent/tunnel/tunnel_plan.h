/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tunnels of this node are to be: the other nodes (peers), the addresses between
 * which packets travel outside (the underlay), and whose pods are behind whom. It is plain
 * data, made anew from the node table whenever that has changed; nothing here asks the
 * kernel.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_PLAN_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_PLAN_H

#include "deploy/agent/api/node_table.h"
#include "deploy/agent/api/route_problem.h"
#include "flannel_notes.h"

/* Addresses that a peer's pods have: a podCIDR of its own that is accepted, or a former
 * one that is routed. Its network address is the peer's device's, for no pod has that. */
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
	/* With ROUTE_FINE: where to, on the underlay of the same family. */
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
	unsigned int shared; /* bit 1 << family: that InternalIP is another Node's, too */
	/* The family of the underlay that this node sends to it by, as an index of
	 * ip_families[]: of this node's own InternalIPs, in their order, the first whose
	 * family both nodes have. Only with ROUTE_FINE. */
	int underlay;
	struct mac_addr mac; /* of its VXLAN device */
	/* ROUTE_FINE, or why this node can't send to it. Whoever makes the tunnel may set
	 * a reason of its own. */
	enum route_problem problem;
	/* The device that leads to it, by its index; 0: there is none. Whoever makes the
	 * tunnel sets it. */
	unsigned int device;
	/* Of a node that runs flannel: its ends, by the pods' family. They count in place
	 * of @underlay, @mac, @problem and @device: ask tunnel_peer_end(). NULL: it is
	 * none. */
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
	/* One for each entry of the node table, in its order. This node's own has the
	 * problem ROUTE_OWN_ADDRESS, and no addresses. */
	struct tunnel_peer *peers;
	size_t n_peers;
	uint32_t *by_mac; /* the peers' indexes, in the order of their MAC addresses */
	struct tunnel_range *ranges; /* sorted by address; they lie apart */
	size_t n_ranges;
	struct flannel_end *flannel; /* of all peers; NULL: none runs flannel */
	/* Routes lead by tunnel_gateway(), as by a router on the device (VXLAN); else the
	 * device alone knows the way (WireGuard). */
	bool by_gateway;
	bool always; /* also to nodes on this node's link */
};
void tunnel_plan_clear(struct tunnel_plan *plan);

/*
 * Makes the plan of the node named @own from @nodes, whose podCIDRs were judged. A Node
 * that isn't known, or has no accepted podCIDR, has a plan without own podCIDRs. Two Nodes
 * with one InternalIP are both without that address: which of them it belongs to can't be
 * told; the same goes for MAC addresses. @by_key: packets are a node's by its key, so that
 * addresses prove nothing; then both have it, and a Node that claims another's takes
 * nothing from that one. Code 100.
 */
int tunnel_plan_make(const struct node_table *nodes, const char *own, bool by_key,
		     struct tunnel_plan *ret_plan, struct cni_error *err);

/*
 * The address on the device by which routes lead to @cidr, which is the peer's: of IPv4
 * its network address, of IPv6 the link-local one of @mac, the peer's. The kernel takes no
 * other IPv6 gateway as long as a route by another interface leads to it, and one to
 * @cidr itself does: such a route could only be changed by removing it first.
 */
struct ip_addr tunnel_gateway(const struct mac_addr *mac, const struct ip_prefix *cidr);

/* Where this node sends what is for a peer's pods of one family. */
struct tunnel_end {
	int underlay; /* its family, as an index of ip_families[] */
	const struct ip_addr *addr;
	const struct mac_addr *mac; /* of the peer's VXLAN device */
	unsigned int device; /* of this node; 0: there is none */
};

/* @family: the pods', as an index of ip_families[]. ROUTE_FINE, or why there is none. */
enum route_problem tunnel_peer_end(const struct tunnel_peer *peer, int family,
				   struct tunnel_end *ret_end);

/* Does the tunnel come before a direct route to the node's pods of that family? flannel's
 * nodes answer by it, and where they check the way back, they take nothing that comes by
 * another one. */
bool tunnel_plan_prefers(const struct tunnel_plan *plan, const struct cluster_node *node,
			 int family);

/* How a route leads to a range. */
struct tunnel_way {
	unsigned int device; /* index */
	/* On the device, without a look at its networks; family 0: none. */
	struct ip_addr gw;
};

/* Gives the way to @cidr, which the node has or had; else why there is none. */
enum route_problem tunnel_plan_way(const struct tunnel_plan *plan,
				   const struct cluster_node *node,
				   const struct ip_prefix *cidr,
				   struct tunnel_way *ret_way);

#endif
