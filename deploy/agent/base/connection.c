/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes of TCP's keepalive find a peer that has gone; a socket that is bound to an
 * address tells whether the host has it. */
#include "connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/util.h"

#define DEAD_PEER_MS 30000

void connection_probe(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 15},
		{IPPROTO_TCP, TCP_KEEPINTVL, 5},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_PEER_MS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].option,
				 &options[i].value, sizeof(options[i].value));
}

/* The kernel binds a socket to none but the host's own addresses. */
bool connection_lost_address(const struct ip_addr *own)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name = {.any.sa_family = (sa_family_t)own->family};
	_cleanup_(close_p) int fd = socket(own->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (own->family == AF_INET)
		memcpy(&name.v4.sin_addr, own->bytes, sizeof(name.v4.sin_addr));
	else
		memcpy(&name.v6.sin6_addr, own->bytes, sizeof(name.v6.sin6_addr));
	return fd >= 0 && bind(fd, &name.any, sizeof(name)) < 0 && errno == EADDRNOTAVAIL;
}
