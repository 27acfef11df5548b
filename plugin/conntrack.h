/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which connections the kernel must forget as host ports and addresses change hands. Nothing
 * fails over it: what can't be done is told by attachment_notice(). */
#ifndef BRIDGE_CNI_PLUGIN_CONNTRACK_H
#define BRIDGE_CNI_PLUGIN_CONNTRACK_H

#include "../conf/attachment.h"

/* A port of the node's, on the address @host, or on all of its family where it has no bytes
 * set. */
struct conntrack_port {
	struct ip_addr host;
	uint8_t protocol;
	uint16_t port;
};

/*
 * Those that led to such ports of the node itself: packets of theirs would go on past new
 * host ports. Where they have to be listed that is done once for all @n.
 */
void conntrack_forget_ports(struct attachment *att, const struct conntrack_port *ports,
			    size_t n);

/*
 * Those from and to a pod's addresses, which the next owner of address or port would get. It
 * takes the longer the more connections the node has: without host ports only while they are
 * few.
 */
void conntrack_forget_pod(struct attachment *att);

#endif
