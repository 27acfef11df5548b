/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node's sockets that wait for packets, as /proc/net lists them: to ask for them by
 * sock_diag(7) may load a module. */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_LISTENERS_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_LISTENERS_H

#include "conf/base/addr.h"

struct listener {
	struct ip_addr addr; /* that it is bound to; the IPv4 address of a mapped one */
	uint16_t port;
	uint32_t inode; /* as in "socket:[INODE]" of /proc/PID/fd */
	int protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
};
struct listener_list {
	struct listener *items;
	size_t n;
};

/* Lists those of TCP and SCTP that listen, and those of UDP that aren't connected. A file
 * that isn't there has none. The caller frees the items. -ENOMEM. */
int listeners_read(struct listener_list *ret_list);

/* Adds what a line of /proc/net/tcp and its like (@state: of those that wait) and of
 * /proc/net/sctp/eps tells. -ENOMEM. */
int listener_line_add(const char *line, int family, int protocol, unsigned int state,
		      struct listener_list *list);
int listener_sctp_line_add(const char *line, struct listener_list *list);

#endif
