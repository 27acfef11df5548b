/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the attachment and the target that the arguments of a trace mean. */
#ifndef BRIDGE_CNI_PLUGIN_TRACE_FIND_H
#define BRIDGE_CNI_PLUGIN_TRACE_FIND_H

#include "plugin/attachment/attachment.h"
#include "plugin/doctor/known.h"

/* An attachment that the name names. All strings are owned. */
struct trace_pod {
	char *network, *file; /* file: "": the store tells of the network */
	char *pod, *container_id, *netns; /* "": not told */
	char ifname[IF_NAMESIZE], host_ifname[IF_NAMESIZE];
	char bridge[IF_NAMESIZE], gateway_ifname[IF_NAMESIZE];
	uint64_t cookie; /* of its namespace; 0: not told */
	struct ip_prefix *addresses; /* owned */
	size_t addresses_n;
	enum switch_kind switch_kind;
	bool masquerades; /* the network is to masquerade its pods */
	bool spoof_check; /* frames with others' addresses are dropped */
};

/* Begins as zeros. */
struct trace {
	/* As they are given; borrowed. The option --trace sets both. */
	const char *name; /* of the pod; NULL: nothing is traced */
	const char *target;

	struct ip_addr to;
	uint16_t port; /* 0: a ping */

	struct {
		struct trace_pod *items;
		size_t n;
	} found;
	struct {
		char **items; /* names of other pods, for who has mistyped one; owned */
		size_t n;
	} others;
	struct { /* networks that were looked at already: a store tells of them, too */
		uint64_t *items;
		size_t n;
	} owners;
};
void trace_clear(struct trace *trace);

/* Notes those attachments of the network that are asked for; @net's operation isn't open,
 * and only looks. Codes 100, 101. */
int trace_network(struct trace *trace, struct attachment *net, const char *file,
		  struct cni_error *err);

/*
 * Gives the attachment that is traced, which has an address of the target's family; of
 * several that one pod has, the one that is named by its own address or interface. NULL:
 * there is none, or the name is that of several pods; the doctor is told why.
 */
const struct trace_pod *trace_find(const struct trace *trace, struct doctor *doctor);

/* Gives that attachment of the same pod which has the interface @ifname in it, where the
 * name names that as well; NULL: it doesn't. */
const struct trace_pod *trace_find_interface(const struct trace *trace,
					     const struct trace_pod *pod,
					     const char *ifname);

#endif
