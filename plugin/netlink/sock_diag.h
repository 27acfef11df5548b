/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists the sockets that wait for packets on some ports, by sock_diag(7), in the network
 * namespace that the connection (NETLINK_FOR_SOCKETS) was opened in. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_SOCK_DIAG_H
#define BRIDGE_CNI_PLUGIN_NETLINK_SOCK_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* Ranges of ports, both ends included. They are in ascending order and don't touch each
 * other. */
struct port_range {
	uint16_t first, last;
};
struct port_range_list {
	struct port_range *items;
	size_t n;
};

struct socket_seen {
	struct ip_addr addr; /* that it is bound to */
	uint16_t port;
	bool v6_only; /* IPv6: takes no IPv4 packets */
	uint32_t inode; /* as in "socket:[INODE]" of /proc/PID/fd */
	int protocol;
};
struct socket_list {
	struct socket_seen *items;
	size_t n;
};
void socket_list_clear(struct socket_list *list);

/* Adds the sockets of @family on @ports to @list: listening ones of TCP, SCTP and MPTCP,
 * unconnected ones of UDP. -ENOENT: the kernel can't list them. Code 101. */
int sockets_get(struct netlink *nl, int family, int protocol,
		const struct port_range_list *ports, struct socket_list *list,
		struct cni_error *err);

#endif
