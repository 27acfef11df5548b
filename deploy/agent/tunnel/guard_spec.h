/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guard of the tunnels is to let in: plain data. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_SPEC_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"

/* Pods of @inner, whose host bits are zero, are reached at the node that sends from
 * @outer. */
struct guard_source {
	const struct ip_addr *outer;
	const struct ip_prefix *inner;
};

struct guard_spec {
	bool vxlan, wireguard; /* the modes that are in use */
	uint16_t port; /* of VXLAN */
	uint32_t vni;
	struct mac_addr mac; /* of this node's VXLAN devices */
	/* Who sends by VXLAN. Nobody may be there twice with ranges that overlap, unless one
	 * is inside the other. WireGuard itself knows who may send what. */
	const struct guard_source *sources;
	size_t n_sources;
	/* Where to: the ranges of this node's pods, with host bits of zero. */
	const struct ip_prefix *own;
	size_t n_own;
};

/* What tunnel_guard_ensure() has done. */
struct guard_done {
	bool made; /* the table was missing, or had to be made anew */
	bool rules; /* its rules were others */
	size_t added, deleted; /* elements */
};

#endif
