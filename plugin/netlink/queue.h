/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the transport: a connection and its queue, for commit.c, which sends the
 * queue. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_QUEUE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "netlink.h"

#define DESCRIPTION_MAX 192

struct queued {
	struct nl_msg *msg;
	char what[DESCRIPTION_MAX]; /* an error starts with it: "adding the route to …" */
	const char *modules; /* kernel modules that the message is for; NULL: none */
};

struct netlink {
	int fd;
	enum netlink_protocol protocol;
	uint32_t seq; /* of the message queued last */
	int failed; /* errno: building the queue went wrong */
	size_t n; /* messages in the queue */
	/* Messages that the queue has memory for. Their memory is used again, since
	 * getting it costs system calls. */
	size_t made;
	struct queued *queue;
};

/* Empties the queue. */
void queue_clear(struct netlink *nl);

/* Sends the queue, which has a message at least, as one datagram. The kernel works
 * through it before the call returns. Code 101. */
int queue_send(struct netlink *nl, struct cni_error *err);

#endif
