/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets that the guard of the tunnels lets in, as plain data. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_SPEC_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"

/* The node that sends from @outer has the pods of @inner, whose host bits are zero. */
struct guard_source {
	struct ip_addr outer;
	struct ip_prefix inner;
};

struct guard_spec {
	bool vxlan, wireguard; /* the modes that are in use */
	uint16_t port; /* of VXLAN */
	uint32_t vni;
	struct mac_addr mac; /* of this node's VXLAN devices */
	/* The nodes that send by VXLAN, with their pods' ranges. Of WireGuard there are
	 * none here: it knows by itself who may send what. */
	const struct guard_source *sources;
	size_t n_sources;
	/* The ranges of this node's pods, with host bits of zero. */
	const struct ip_prefix *own;
	size_t n_own;
};

/* The changes that tunnel_guard_ensure() has made. */
struct guard_done {
	bool made; /* the table was missing, or had to be made anew */
	bool rules; /* its rules were others, or it had more sets */
	size_t added, deleted; /* elements */
};

#endif
