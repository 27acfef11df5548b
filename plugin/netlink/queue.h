/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the transport: a connection and its queue, for commit.c, which sends the
 * queue. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_QUEUE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_QUEUE_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink.h"

#define DESCRIPTION_MAX 192

struct queued {
	size_t offset; /* of the message in the datagram */
	char what[DESCRIPTION_MAX]; /* an error starts with it: "adding the route to …" */
	const char *modules; /* kernel modules that the message is for; NULL: none */
};

struct netlink {
	int fd;
	enum netlink_protocol protocol;
	uint32_t seq; /* of the message queued last */
	int failed; /* errno: building the queue went wrong */
	size_t n; /* messages in the queue */
	/* The memory is used again, since getting it costs system calls. */
	struct queued *queue;
	size_t queue_room; /* messages */
	char *datagram; /* has all messages, each at its place */
	size_t datagram_room; /* bytes */
};

/* Message @i of the queue. It moves when another one is queued. */
static inline struct nlmsghdr *queue_message(const struct netlink *nl, size_t i)
{
	return (struct nlmsghdr *)(nl->datagram + nl->queue[i].offset);
}

/* Empties the queue. */
void queue_clear(struct netlink *nl);

/* Sends the queue, which has a message at least, as one datagram. The kernel works
 * through it before the call returns. Code 101. */
int queue_send(struct netlink *nl, struct cni_error *err);

/* Drops the answers that a failed wait left: they would take the room of the next answer,
 * which would be lost. */
void answers_drop(const struct netlink *nl);

#endif
