/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has the kernel forget connections as host ports and addresses change hands. No error
 * comes of it: what can't be done is told by notice(). */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_CONNTRACK_H
#define BRIDGE_CNI_PLUGIN_STAGE_CONNTRACK_H

#include "plugin/attachment/attachment.h"

/* Ports of the node on the address @host. A @host whose bytes are all 0 stands for all
 * addresses of its family. */
struct conntrack_port {
	struct ip_addr host;
	uint8_t protocol;
	uint16_t port, last;
};

/*
 * Forgets the connections that led to these ports of the node itself: their packets would
 * go on past new host ports. Where the kernel has to list connections, it does so once
 * for all @n ports.
 */
void conntrack_delete_ports(struct attachment *att, const struct conntrack_port *ports,
			    size_t n);

/*
 * Are there connections to look through for those of the attachment's pod? Looking takes
 * the longer the more connections the node has: without host ports it is done only while
 * they are few. Opens the connection to the kernel that is needed for it.
 */
bool conntrack_prepare(struct attachment *att);
/*
 * Forgets the connections from and to the pod's addresses, which the record tells (an ADD
 * that undoes itself has one, too): the next pod with the address or a port would get
 * their packets. Connections of an address that another record of the network has by now
 * stay, as they may be that pod's.
 */
void conntrack_delete_pod(struct attachment *att);

#endif
