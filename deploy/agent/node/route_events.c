/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket in the multicast groups of rtnetlink(7). Pods come and go by the thousand, so
 * messages of their veths are passed over. */
#include "route_events.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "plugin/netlink/attr.h"
#include "plugin/netlink/build.h"

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

/* A route's message, read once. */
struct told_route {
	const struct nlmsghdr *message;
	const struct rtmsg *header;
	struct nlattr *attrs[RTA_MAX + 1];
};

static bool is_link_local(const struct told_route *told)
{
	struct ip_addr dst = {};

	get_ip(told->attrs[RTA_DST], told->header->rtm_family, &dst);
	return ip_is_link_local6(&dst) ||
	       (dst.family == AF_INET6 && dst.bytes[0] == 0xff);
}

/* Does it stand where the agent's routes to other nodes' pods do? Its others are sealed
 * ones (sealed_routes.h), or lead to a pod of this node. */
static bool is_to_node(const struct told_route *told)
{
	if (told->header->rtm_type != RTN_UNICAST)
		return get_u32(told->attrs[RTA_PRIORITY]) < SEALED_METRIC;
	return told->header->rtm_dst_len < ip_bits(told->header->rtm_family) ||
	       told->attrs[RTA_GATEWAY];
}

/* A message about a change that the agent itself has made is no news. */
static bool own_route_matters(const struct told_route *told,
			      const struct routes_known known[IP_FAMILIES])
{
	if (is_to_node(told) && known[told->header->rtm_family == AF_INET6].valid)
		return !routes_known_has(known, told->message, told->attrs);
	return told->message->nlmsg_type == RTM_DELROUTE;
}

static bool route_matters(const struct nlmsghdr *message,
			  const struct routes_known known[IP_FAMILIES])
{
	struct told_route told = {.message = message, .header = NLMSG_DATA(message)};

	if (told.header->rtm_table != RT_TABLE_MAIN ||
	    told.header->rtm_flags & RTM_F_CLONED)
		return false;
	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*told.header), told.attrs,
			RTA_MAX, NULL) < 0)
		return true;
	if (told.header->rtm_protocol == ROUTE_PROTOCOL)
		return own_route_matters(&told, known);
	return !is_link_local(&told);
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
