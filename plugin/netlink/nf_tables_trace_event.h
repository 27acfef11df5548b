/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The events by which the kernel tells of packets that nftables traces (`nft monitor trace`): an event for
 * each rule that matches, and for each chain that comes to its policy. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TRACE_EVENT_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TRACE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/base/addr.h"
#include "nf_tables.h"

enum trace_event_type {
	TRACE_POLICY, /* all rules of the hook's chain let it go on */
	TRACE_RETURN, /* to the chain that jumped here */
	TRACE_RULE, /* it matches */
};

enum trace_verdict {
	TRACE_GOES_ON, /* to the next rule */
	TRACE_ACCEPTED, /* by this table */
	TRACE_DROPPED, /* or rejected */
	TRACE_JUMPS, /* or goes, to another chain */
	TRACE_QUEUED, /* for a program to judge */
};

struct trace_event {
	/* of the packet, in one hook; other packets have it later. Another one may have
	 * the same packet after it was handed from a bridge to the node. */
	uint32_t id;
	int layer; /* NFPROTO_* of the packet: NFPROTO_IPV4, NFPROTO_BRIDGE, … */
	int family; /* NFPROTO_* of the table */
	char table[NFT_NAME_MAX], chain[NFT_NAME_MAX];
	uint64_t handle; /* of the rule */
	enum trace_event_type type;
	enum trace_verdict verdict;
	char to_chain[NFT_NAME_MAX]; /* that it jumps to; "" */
	/* The interfaces' indexes, 0: not told; and to whom the packet goes by then, by
	 * TCP to which port, where the layer is IP's. Only the first event of a hook's
	 * chain has them. */
	unsigned int in, out;
	struct ip_addr to; /* family 0: not told */
	uint16_t to_port; /* 0: it is no TCP */
};

/* Begins to listen, in the namespace that the calling thread is in, to the trace of all
 * packets that anybody has traced. The caller closes the descriptor. Code 101. */
int trace_listen(int *ret_fd, struct cni_error *err);

/* Reads the events that have come, and hands them to @fn; where they come without end, so
 * many that the caller can look at the clock in between. Returns 0, or -ENOBUFS where some
 * were lost. */
int trace_read(int fd, void (*fn)(const struct trace_event *event, void *data),
	       void *data);

#endif
