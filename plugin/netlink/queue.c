/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections, and the messages that are queued on them: one send for all. */
#include "queue.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_SIZE	 2032
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
	while (nl->made > KEPT_MAX)
		nlmsg_free(nl->queue[--nl->made].msg);
	nl->n = 0;
	nl->failed = 0;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	for (size_t i = 0; i < nl->made; i++)
		nlmsg_free(nl->queue[i].msg);
	close_p(&nl->fd);
	free(nl->queue);
	free(nl);
}

void netlink_shrink(struct netlink *nl)
{
	if (nl->n)
		return;
	while (nl->made > 0)
		nlmsg_free(nl->queue[--nl->made].msg);
	free(nl->queue);
	nl->queue = NULL;
}

void netlink_queue_failed(struct netlink *nl)
{
	nl->failed = ENOMEM;
}

/* Returns an empty message at the end of the queue, or NULL. */
static struct queued *queue_grow(struct netlink *nl)
{
	struct queued *queue;

	if (nl->n == nl->made) {
		queue = reallocarray(nl->queue, nl->made + 1, sizeof(*queue));
		if (!queue)
			return NULL;
		nl->queue = queue;
		queue[nl->made].msg = nlmsg_alloc_size(MESSAGE_SIZE);
		if (!queue[nl->made].msg)
			return NULL;
		nl->made++;
	}
	queue = &nl->queue[nl->n];
	nlmsg_hdr(queue->msg)->nlmsg_len = NLMSG_HDRLEN;
	return queue;
}

struct nl_msg *netlink_queue(struct netlink *nl, int type, int flags, const char *fmt,
			     ...)
{
	struct queued *queued = queue_grow(nl);
	va_list args;

	if (!queued ||
	    !nlmsg_put(queued->msg, 0, ++nl->seq, type, 0, NLM_F_REQUEST | flags)) {
		netlink_queue_failed(nl);
		return NULL;
	}
	va_start(args, fmt);
	vsnprintf(queued->what, DESCRIPTION_MAX, fmt, args);
	va_end(args);
	queued->modules = NULL;
	nl->n++;
	return queued->msg;
}

void netlink_needs(struct netlink *nl, const char *modules)
{
	if (nl->n > 0)
		nl->queue[nl->n - 1].modules = modules;
}

int queue_send(struct netlink *nl, struct cni_error *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	const struct nlmsghdr *first = nlmsg_hdr(nl->queue[0].msg);
	_cleanup_(free_p) char *datagram = NULL;
	size_t size = 0, used = 0;
	ssize_t sent;

	for (size_t i = 0; i < nl->n; i++)
		size += NLMSG_ALIGN(nlmsg_hdr(nl->queue[i].msg)->nlmsg_len);
	if (nl->n > 1) {
		datagram = calloc(1, size);
		if (!datagram)
			return error_oom(err);
	} else {
		size = first->nlmsg_len;
	}
	for (size_t i = 0; datagram && i < nl->n; i++) {
		const struct nlmsghdr *header = nlmsg_hdr(nl->queue[i].msg);

		memcpy(datagram + used, header, header->nlmsg_len);
		used += NLMSG_ALIGN(header->nlmsg_len);
	}
	/* The kernel takes no datagram that is longer than SO_SNDBUF, by default 208
	 * KiB. */
	if (size > DATAGRAM_DEFAULT)
		(void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){size},
				 sizeof(int));
	do
		sent = sendto(nl->fd, datagram ? (const void *)datagram : first, size, 0,
			      (struct sockaddr *)&kernel, sizeof(kernel));
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
