/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every message of the group begins alike, so the filter finds the interface at one
 * place. */
#include "vxlan_events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

#define BUFFER_SIZE 32768
#define QUEUE_BYTES (1024 * 1024)
#define WHOLE	    UINT32_MAX /* a filter's answer: all of the message is taken */

int vxlan_events_open(int *ret_fd, struct cni_error *err)
{
	_cleanup_(close_p) int fd = socket(
		AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_NEIGH,
	};
	int ret;

	if (fd < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "listening to the kernel's neighbours");
	ret = vxlan_events_choose(fd, (const unsigned int[IP_FAMILIES]){}, err);
	if (ret < 0)
		return ret;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "listening to the kernel's neighbours");
	/* With less room messages are lost, and then the kernel's tables are read
	 * again. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){QUEUE_BYTES},
			 sizeof(int));
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int vxlan_events_choose(int fd, const unsigned int devices[IP_FAMILIES],
			struct cni_error *err)
{
	/* A filter loads numbers of a message in network order. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct ndmsg, ndm_ifindex)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(devices[0]), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(devices[1]), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, WHOLE),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = {ARRAY_SIZE(code), code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "filtering the kernel's neighbours");
	return 0;
}

/* The same as NLMSG_OK(), which compares a signed number with an unsigned one. */
static bool is_whole(const struct nlmsghdr *message, int left)
{
	return left >= (int)sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
	       message->nlmsg_len <= (unsigned int)left;
}

bool vxlan_events_take(int fd, vxlan_event_fn fn, void *data)
{
	char buffer[BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool all = true;

	for (;;) {
		ssize_t len = recv(fd, buffer, sizeof(buffer), 0);
		int left = (int)len;

		if (len < 0 && (errno == EINTR || errno == ENOBUFS)) {
			all &= errno != ENOBUFS;
			continue;
		}
		if (len <= 0)
			return all;
		for (struct nlmsghdr *message = (struct nlmsghdr *)buffer;
		     is_whole(message, left); message = NLMSG_NEXT(message, left))
			fn(message, data);
	}
}
