/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP connections by which nothing passes any more, and nobody has said so. */
#ifndef BRIDGE_CNI_AGENT_BASE_CONNECTION_H
#define BRIDGE_CNI_AGENT_BASE_CONNECTION_H

#include <stdbool.h>

#include "conf/base/addr.h"

/* Has the kernel end the connection of this socket within 30 seconds after its peer has
 * silently gone, though nothing is sent. */
void connection_probe(int fd);

/*
 * Has this host lost an address that a connection was made from? The kernel leaves such a
 * connection open until it times out. False where that can't be told, as with the sysctl
 * net.ipv4.ip_nonlocal_bind.
 */
bool connection_lost_address(const struct ip_addr *own);

#endif
