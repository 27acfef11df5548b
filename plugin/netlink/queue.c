/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections, and the messages that are queued on them: one send for all. */
#include "queue.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/format.h"

#define QUEUE_MIN	 16 /* messages that a queue has room for */
#define DATAGRAM_MIN	 (4 * NETLINK_MESSAGE_MAX)
#define KEPT_MAX	 64 /* messages whose memory a queue keeps */
#define DATAGRAM_DEFAULT 65536 /* bytes that every socket sends */

int netlink_reopen(struct netlink *nl, struct cni_error *err)
{
	static const int options[] = {NETLINK_EXT_ACK, NETLINK_CAP_ACK,
				      NETLINK_GET_STRICT_CHK};
	static const struct {
		int number;
		const char *name;
	} protocols[] = {
		[NETLINK_FOR_ROUTE] = {NETLINK_ROUTE, "route"},
		[NETLINK_FOR_NFTABLES] = {NETLINK_NETFILTER, "netfilter"},
		[NETLINK_FOR_SOCKETS] = {NETLINK_SOCK_DIAG, "sock_diag"},
	};

	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			protocols[nl->protocol].number);
	if (nl->fd < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "opening a %s netlink socket",
				   protocols[nl->protocol].name);

	/* A kernel without these options tells errors in fewer words, and sends more than
	 * was asked for, which is then filtered here. */
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		(void)setsockopt(nl->fd, SOL_NETLINK, options[i], &(int){1}, sizeof(int));
	return 0;
}

int netlink_open(enum netlink_protocol protocol, struct netlink **ret_netlink,
		 struct cni_error *err)
{
	_cleanup_(netlink_closep) struct netlink *nl = calloc(1, sizeof(*nl));
	int ret;

	if (!nl)
		return error_oom(err);
	nl->protocol = protocol;
	ret = netlink_reopen(nl, err);
	if (ret < 0)
		return ret;
	*ret_netlink = TAKE_PTR(nl);
	return 0;
}

void queue_clear(struct netlink *nl)
{
	bool keeps = nl->n <= KEPT_MAX;

	nl->n = 0;
	nl->failed = 0;
	if (!keeps)
		netlink_shrink(nl);
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	close_p(&nl->fd);
	free(nl->queue);
	free(nl->datagram);
	free(nl);
}

void netlink_shrink(struct netlink *nl)
{
	if (nl->n)
		return;
	free(nl->queue);
	free(nl->datagram);
	nl->queue = NULL;
	nl->datagram = NULL;
	nl->queue_room = nl->datagram_room = 0;
}

void netlink_queue_failed(struct netlink *nl)
{
	nl->failed = ENOMEM;
}

/* The length of all messages in the queue. */
static size_t queue_length(const struct netlink *nl)
{
	if (nl->n == 0)
		return 0;
	return nl->queue[nl->n - 1].offset + queue_message(nl, nl->n - 1)->nlmsg_len;
}

/* Makes room for a further message, whose place is @offset. -ENOMEM. */
static int queue_reserve(struct netlink *nl, size_t offset)
{
	if (nl->n == nl->queue_room) {
		size_t room = 2 * nl->queue_room + QUEUE_MIN;
		struct queued *queue = reallocarray(nl->queue, room, sizeof(*queue));

		if (!queue)
			return -ENOMEM;
		nl->queue = queue;
		nl->queue_room = room;
	}
	if (nl->datagram_room - offset < NETLINK_MESSAGE_MAX) {
		size_t room = 2 * nl->datagram_room + DATAGRAM_MIN;
		char *datagram = realloc(nl->datagram, room);

		if (!datagram)
			return -ENOMEM;
		nl->datagram = datagram;
		nl->datagram_room = room;
	}
	return 0;
}

struct nlmsghdr *netlink_queue(struct netlink *nl, int type, int flags, const char *fmt,
			       ...)
{
	size_t offset = queue_length(nl);
	struct nlmsghdr *message;
	struct queued *queued;
	va_list args;

	if (queue_reserve(nl, offset) < 0) {
		netlink_queue_failed(nl);
		return NULL;
	}
	queued = &nl->queue[nl->n++];
	queued->offset = offset;
	queued->modules = NULL;
	va_start(args, fmt);
	format_text(queued->what, DESCRIPTION_MAX, fmt, args);
	va_end(args);
	message = queue_message(nl, nl->n - 1);
	*message = (struct nlmsghdr){
		.nlmsg_len = NLMSG_HDRLEN,
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags,
		.nlmsg_seq = ++nl->seq,
	};
	return message;
}

void netlink_needs(struct netlink *nl, const char *modules)
{
	if (nl->n > 0)
		nl->queue[nl->n - 1].modules = modules;
}

int queue_send(struct netlink *nl, struct cni_error *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	size_t size = queue_length(nl);
	ssize_t sent;

	/* The kernel takes no datagram that is longer than SO_SNDBUF, by default 208
	 * KiB. */
	if (size > DATAGRAM_DEFAULT)
		(void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){size},
				 sizeof(int));
	do
		sent = sendto(nl->fd, nl->datagram, size, 0, (struct sockaddr *)&kernel,
			      sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "%s: sending to the kernel", nl->queue[0].what);
	return 0;
}

void netlink_discard(struct netlink *nl)
{
	if (nl)
		queue_clear(nl);
}

int netlink_fd(const struct netlink *nl)
{
	return nl->fd;
}
