/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A netlink connection to one network namespace: messages are queued, sent together and
 * answered for together. What the messages mean is rtnetlink.h's and nf_tables.h's
 * business; libnl serves to build and to read them. libnl's own transport isn't used: its
 * error codes lose the kernel's errno and its extended acknowledgement.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NETLINK_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NETLINK_H

#include <stdint.h>

#include "conf/base/error.h"

struct netlink;
struct nl_msg;
struct nlmsghdr;

enum netlink_protocol {
	NETLINK_FOR_ROUTE,
	NETLINK_FOR_NFTABLES,
	NETLINK_FOR_SOCKETS,
};

/*
 * Opens a connection to the network namespace that the calling thread is in; it stays
 * there for good. Code 101.
 */
int netlink_open(enum netlink_protocol protocol, struct netlink **ret_netlink,
		 struct cni_error *err);
void netlink_close(struct netlink *nl);
static inline void netlink_closep(struct netlink **nl)
{
	netlink_close(*nl);
}

/*
 * Sends what is queued, in order, in one system call, and waits until the kernel has
 * carried out or refused all of it; the queue is empty afterwards. The kernel goes on
 * after a message that it refused. Returns -errno of the first refused message, with
 * the message's description, the errno and the kernel's extended acknowledgement in
 * @err: code 101. An empty queue is success.
 */
int netlink_commit(struct netlink *nl, struct cni_error *err);

/* The kernel has refused with the errno that the caller expected: an outcome, no error. */
#define NETLINK_EXPECTED 1

/*
 * The same for a queue that nfnetlink carries out as one transaction, all or nothing: its
 * first and last message open and close the batch. Returns NETLINK_EXPECTED, with @err left
 * alone, where the errno is @expected (0: no errno is).
 */
int netlink_commit_batch(struct netlink *nl, int expected, struct cni_error *err);

/* Forgets what is queued: nothing of a step that has failed may go along later. */
void netlink_discard(struct netlink *nl);

/* Its socket, which stays the connection's. */
int netlink_fd(const struct netlink *nl);

/*
 * Another socket under the connection, for a child that has closed the one it shared with
 * its parent; what is queued stays queued. Code 101.
 */
int netlink_reopen(struct netlink *nl, struct cni_error *err);

/* The index of an interface in the connection's namespace; 0 when there is none. */
unsigned int netlink_ifindex(const struct netlink *nl, const char *ifname);

/* The cookie of the connection's namespace; 0 where the kernel tells none (before 5.14). */
uint64_t netlink_cookie(const struct netlink *nl);

/* A descriptor of the connection's namespace, as /proc/self/ns/net is one, in a tenth of the
 * time. Code 101. */
int netlink_ns(const struct netlink *nl, int *ret_fd, struct cni_error *err);

/*
 * For the files that build messages: queues a message of @type, to be completed by the
 * caller with nlmsg_append() and nla_put(). Never fails visibly: what goes wrong (memory,
 * a message that is too long) is told by netlink_commit(). @fmt: what the message is to do, in
 * the words of an error ("adding 10.1.2.3/24 to eth0").
 */
struct nl_msg *netlink_queue(struct netlink *nl, int type, int flags, const char *fmt,
			     ...) _printf_(4, 5);

/*
 * The message queued last is for these kernel modules: where the kernel knows nothing of
 * the kind, and so couldn't load them, the error says so.
 */
void netlink_needs(struct netlink *nl, const char *modules);

/* Told so by the caller when building a message failed (libnl: < 0 or NULL). */
void netlink_queue_failed(struct netlink *nl);

/* Called for each answer, first with NULL: forget what was there, (again) from the start. */
typedef int (*netlink_answer_fn)(const struct nlmsghdr *answer, void *data);

/*
 * Sends the message queued last as a request and hands its answers to @fn until the
 * kernel says that it is done. A dump that a change interrupted starts again. Fails as
 * netlink_commit() does, and with what @fn returned < 0 (code 101). Returns NETLINK_EXPECTED,
 * with @err left alone, where the errno is @expected (0: no errno is).
 * The messages that are queued before the last one are further questions, each about one
 * object, that are sent along. Their answers go to @fn as well, before those of the last one.
 * A question that is refused with @expected has no answer.
 */
int netlink_request(struct netlink *nl, netlink_answer_fn fn, void *data, int expected,
		    struct cni_error *err);

#endif
