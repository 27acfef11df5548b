/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A netlink connection to one network namespace: messages are queued, sent together and
 * answered for together. link.h, route.h, nf_tables.h and others know what the messages
 * mean. libnl serves to read messages. Its own transport isn't used, as its error codes
 * lose the kernel's errno and extended acknowledgement.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NETLINK_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NETLINK_H

#include <stdint.h>

#include "conf/base/error.h"

struct netlink;
struct nlmsghdr;

enum netlink_protocol {
	NETLINK_FOR_ROUTE,
	NETLINK_FOR_NFTABLES,
	NETLINK_FOR_SOCKETS,
};

/* Opens a connection to the network namespace that the calling thread is in. The
 * connection stays with that namespace. Code 101. */
int netlink_open(enum netlink_protocol protocol, struct netlink **ret_netlink,
		 struct cni_error *err);
void netlink_close(struct netlink *nl);
/* Gives back the memory that a connection keeps for further messages; where one is queued
 * it does nothing. */
void netlink_shrink(struct netlink *nl);
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

/* The kernel has refused with the errno that the caller expected: an outcome, no
 * error. */
#define NETLINK_EXPECTED 1

/*
 * The same for a queue that nfnetlink carries out as one transaction, all or nothing: its
 * first and last message open and close the batch. Returns NETLINK_EXPECTED, with @err
 * left alone, where the errno is @expected (0: no errno is).
 */
int netlink_commit_batch(struct netlink *nl, int expected, struct cni_error *err);

/* Empties the queue: messages of a step that has failed must not be sent along with
 * others. */
void netlink_discard(struct netlink *nl);

/* The socket of the connection, which keeps it. */
int netlink_fd(const struct netlink *nl);

/* Gives the connection another socket, in a child that has closed the one it shared with
 * its parent. The queue stays. Code 101. */
int netlink_reopen(struct netlink *nl, struct cni_error *err);

/* Returns the index of an interface in the connection's namespace; 0: there is none. */
unsigned int netlink_ifindex(const struct netlink *nl, const char *ifname);

/* The same in a tenth of the time, for an interface that is there unless somebody has deleted
 * it: for a name that nobody has, the kernel runs modprobe twice, and waits for it. */
unsigned int netlink_ifindex_quick(const struct netlink *nl, const char *ifname);

/* Returns the cookie of the connection's namespace; 0: the kernel is older than 5.14 and
 * has none. */
uint64_t netlink_cookie(const struct netlink *nl);

/* Opens the connection's namespace, as open("/proc/self/ns/net") does, in a tenth of the
 * time. The caller closes the descriptor. Code 101. */
int netlink_ns(const struct netlink *nl, int *ret_fd, struct cni_error *err);

#define NETLINK_MESSAGE_MAX 2032 /* bytes that a message may have */

/*
 * For the files that build messages: queues a message of @type, which the caller
 * completes (build.h) before another one is queued. It returns NULL, or a message that
 * turns out to be too long, without an error: the queue remembers it, and
 * netlink_commit() returns it. @fmt: what the message is to do, in the words of an error
 * ("adding 10.1.2.3/24 to eth0").
 */
struct nlmsghdr *netlink_queue(struct netlink *nl, int type, int flags, const char *fmt,
			       ...) _printf_(4, 5);

/* Names the kernel modules that the message queued last is for. Where the kernel refuses
 * it as something unknown, it could not load them, and the error says so. */
void netlink_needs(struct netlink *nl, const char *modules);

/* Remembers that building a message failed: netlink_commit() returns -ENOMEM then. */
void netlink_queue_failed(struct netlink *nl);

/* Is called for each answer. @answer is NULL before the first one, and when the answers
 * begin again: then forget those that came before. Returns 0, or -errno to stop. */
typedef int (*netlink_answer_fn)(const struct nlmsghdr *answer, void *data);

/*
 * Sends the message queued last as a request and hands its answers to @fn until the
 * kernel says that it is done. A dump that a change interrupted starts again. Fails as
 * netlink_commit() does, and with what @fn returned < 0 (code 101). Returns
 * NETLINK_EXPECTED, with @err left alone, where the errno is @expected (0: no errno is).
 * The messages that are queued before the last one are further questions, each about one
 * object, that are sent along. Their answers go to @fn as well, before those of the last
 * one. A question that is refused with @expected has no answer.
 */
int netlink_request(struct netlink *nl, netlink_answer_fn fn, void *data, int expected,
		    struct cni_error *err);

#endif
