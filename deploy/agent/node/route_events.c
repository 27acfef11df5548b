/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket in the multicast groups of rtnetlink(7). Pods come and go by the thousand, so
 * messages of their veths are passed over. */
#include "route_events.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER_SIZE 32768
#define QUEUE_BYTES (256 * 1024)

int route_events_open(int *ret_fd, struct cni_error *err)
{
	_cleanup_(close_p) int fd = socket(
		AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
			     RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
			     1U << (RTNLGRP_NEXTHOP - 1),
	};

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "listening to the kernel's routes");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){QUEUE_BYTES}, sizeof(int));
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static const struct rtattr *attribute(const struct rtattr *at, int len, int type)
{
	for (; RTA_OK(at, len); at = RTA_NEXT(at, len))
		if (at->rta_type == type)
			return at;
	return NULL;
}

static bool is_link_local(const struct rtmsg *header, int len)
{
	const struct rtattr *dst = attribute(RTM_RTA(header), len, RTA_DST);
	const unsigned char *bytes = dst ? RTA_DATA(dst) : NULL;

	return header->rtm_family == AF_INET6 && bytes && RTA_PAYLOAD(dst) >= 2 &&
	       (bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80));
}

/* Does it stand where the agent's routes to other nodes' pods do? Its others are sealed
 * ones (sealed_routes.h), or lead to a pod of this node. */
static bool is_to_node(const struct rtmsg *header, int len)
{
	unsigned int whole = header->rtm_family == AF_INET6 ? 128 : 32;
	const struct rtattr *metric = attribute(RTM_RTA(header), len, RTA_PRIORITY);

	if (header->rtm_type != RTN_UNICAST)
		return !metric || RTA_PAYLOAD(metric) < sizeof(uint32_t) ||
		       *(const uint32_t *)RTA_DATA(metric) < SEALED_METRIC;
	return header->rtm_dst_len < whole ||
	       attribute(RTM_RTA(header), len, RTA_GATEWAY);
}

/* A message about a change that the agent itself has made is no news. */
static bool own_route_matters(const struct nlmsghdr *message,
			      const struct routes_known known[IP_FAMILIES])
{
	const struct rtmsg *header = NLMSG_DATA(message);

	if (is_to_node(header, RTM_PAYLOAD(message)) &&
	    known[header->rtm_family == AF_INET6].valid)
		return !routes_known_has(known, message);
	return message->nlmsg_type == RTM_DELROUTE;
}

static bool route_matters(const struct nlmsghdr *message,
			  const struct routes_known known[IP_FAMILIES])
{
	const struct rtmsg *header = NLMSG_DATA(message);

	if (header->rtm_table != RT_TABLE_MAIN || header->rtm_flags & RTM_F_CLONED)
		return false;
	if (header->rtm_protocol == ROUTE_PROTOCOL)
		return own_route_matters(message, known);
	return !is_link_local(header, RTM_PAYLOAD(message));
}

/* When an interface goes down, the kernel drops its IPv4 routes and sends no message of
 * them. */
static bool link_matters(const struct nlmsghdr *message)
{
	const struct ifinfomsg *header = NLMSG_DATA(message);
	const struct rtattr *info = attribute(IFLA_RTA(header), IFLA_PAYLOAD(message),
					      IFLA_LINKINFO);
	const struct rtattr *kind = info ? attribute(RTA_DATA(info), RTA_PAYLOAD(info),
						     IFLA_INFO_KIND)
					 : NULL;
	const struct rtattr *master = attribute(IFLA_RTA(header), IFLA_PAYLOAD(message),
						IFLA_MASTER);

	if (header->ifi_family != AF_UNSPEC)
		return false;
	/* A pod's veth is the port of a bridge. */
	return !kind || !master || RTA_PAYLOAD(kind) < 4 ||
	       memcmp(RTA_DATA(kind), "veth", 4) != 0;
}

static bool address_matters(const struct nlmsghdr *message)
{
	const struct ifaddrmsg *header = NLMSG_DATA(message);

	return header->ifa_scope != RT_SCOPE_LINK;
}

static bool matters(const struct nlmsghdr *message,
		    const struct routes_known known[IP_FAMILIES])
{
	switch (message->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)) &&
		       route_matters(message, known);
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)) &&
		       link_matters(message);
	case RTM_DELNEXTHOP:
		/* The kernel drops the IPv4 routes that lead by it, and sends no message
		 * of them. */
		return true;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)) &&
		       address_matters(message);
	default:
		return false;
	}
}

/* The same as NLMSG_OK(), which compares a signed number with an unsigned one. */
static bool is_whole(const struct nlmsghdr *message, int left)
{
	return left >= (int)sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
	       message->nlmsg_len <= (unsigned int)left;
}

bool route_events_take(int fd, const struct routes_known known[IP_FAMILIES])
{
	char buffer[BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool matter = false;

	for (;;) {
		ssize_t len = recv(fd, buffer, sizeof(buffer), 0);
		int left = (int)len;

		if (len < 0 && (errno == EINTR || errno == ENOBUFS)) {
			matter |= errno == ENOBUFS;
			continue;
		}
		if (len <= 0)
			return matter;
		for (struct nlmsghdr *message = (struct nlmsghdr *)buffer;
		     is_whole(message, left); message = NLMSG_NEXT(message, left))
			matter |= matters(message, known);
	}
}
