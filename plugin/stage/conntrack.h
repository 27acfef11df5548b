/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which connections the kernel must forget as host ports and addresses change hands. Nothing
 * fails over it: what can't be done is told by notice(). */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_CONNTRACK_H
#define BRIDGE_CNI_PLUGIN_STAGE_CONNTRACK_H

#include "plugin/attachment/attachment.h"

/* Ports of the node's, on the address @host, or on all of its family where it has no bytes
 * set. */
struct conntrack_port {
	struct ip_addr host;
	uint8_t protocol;
	uint16_t port, last;
};

/*
 * Those that led to such ports of the node itself: packets of theirs would go on past new
 * host ports. Where they have to be listed that is done once for all @n.
 */
void conntrack_delete_ports(struct attachment *att, const struct conntrack_port *ports,
			    size_t n);

/*
 * Are there any to look through for those of the attachment's pod? That takes the longer the
 * more connections the node has: without host ports only while they are few. Opens the
 * connection to the kernel that it takes.
 */
bool conntrack_prepare(struct attachment *att);
/*
 * Those from and to its addresses, the record's (an ADD's, which it undoes): whoever has the
 * address or a port next would get them. Not those of an address that another record of the
 * network has by now: they may be its own.
 */
void conntrack_delete_pod(struct attachment *att);

#endif
