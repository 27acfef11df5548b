/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MTU that the tunnels between nodes leave to pods. A pod has one MTU for all of its
 * peers, and a peer on this node's link may be behind a router tomorrow. So the mode that
 * adds most bytes counts, of those that this node sends or receives by, over the family
 * whose headers are longer.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_MTU_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_MTU_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "deploy/agent/api/node_table.h"
#include "deploy/agent/base/options.h"
#include "plugin/netlink/netlink.h"

/* Returns by how many bytes a tunnel of that mode makes a packet longer, over an underlay
 * of IPv4 or IPv6, as an index of ip_families[]. TUNNEL_NONE: 0. */
uint32_t tunnel_overhead(enum tunnel_mode mode, int underlay);

/* The caller sets the first two fields, which it keeps, and the rest to 0. */
struct tunnel_mtu {
	const struct options *options;
	struct netlink *rtnl;
	/* The smallest MTU of the interfaces by which this node reaches other ones, in
	 * bytes, and whose it is; 0: it isn't known yet, or no tunnel is asked for. */
	uint32_t uplink;
	char ifname[IF_NAMESIZE];
	bool fresh; /* both are as the kernel has them */
	struct ip_addr addresses[IP_FAMILIES]; /* this node's, of which they were made */
	/* Why pods can't have what is left; "": they can. */
	char wrong[256];
};

/* Interfaces, routes or addresses of this node may have changed. */
void tunnel_mtu_stale(struct tunnel_mtu *mtu);

/*
 * Gives the MTU of those routes of the pods of @own, this node, that leave the node; 0:
 * that of their interfaces, as no tunnel is asked for. Code 7: it would be less than what
 * pods need, which are 1280 bytes where @own has an IPv6 podCIDR; 101.
 */
int tunnel_mtu_of_routes(struct tunnel_mtu *mtu, const struct cluster_node *own,
			 uint32_t *ret_mtu, struct cni_error *err);

/* Reads the MTU of the interfaces by which @own, this node, reaches other nodes, unless
 * it is known. Code 101: what was known before stays. */
int tunnel_mtu_refresh(struct tunnel_mtu *mtu, const struct cluster_node *own,
		       struct cni_error *err);

/* The MTU of a mode's device over an underlay of that family, after tunnel_mtu_refresh().
 * It is never less than pods need: with less than 1280 the device would lose IPv6. */
uint32_t tunnel_mtu_of_device(const struct tunnel_mtu *mtu,
			      const struct cluster_node *own, enum tunnel_mode mode,
			      int underlay);

/*
 * Has the node tell pods by ICMP of a hop between nodes that is narrower than the uplink.
 * It is for a VXLAN tunnel over IPv6, whose packets nobody fragments: the node learns the
 * hop's MTU, and uses it for what it sends itself and for pods' IPv6 packets, but for
 * those of IPv4 only with net.ipv4.ip_forward_use_pmtu. Code 5.
 */
int tunnel_mtu_of_hops(struct cni_error *err);

#endif
