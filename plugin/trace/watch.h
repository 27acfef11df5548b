/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has nftables tell, in one network namespace, which rules the flow's packets meet there,
 * and the answers to them. */
#ifndef BRIDGE_CNI_PLUGIN_TRACE_WATCH_H
#define BRIDGE_CNI_PLUGIN_TRACE_WATCH_H

#include "plugin/netlink/nf_tables_trace_event.h"
#include "plugin/netlink/nf_tables_tracer.h"

enum watch_way {
	WATCH_SENT,
	WATCH_ANSWER,
	WATCH_WAYS
};

#define WATCH_HOOKS  5 /* their numbers are NF_INET_PRE_ROUTING and so on */
#define WATCH_LAYERS 2 /* TRACER_IP, TRACER_BRIDGE */

/* The passage of one way's packets through the rules of one layer. */
struct passage {
	bool entered[WATCH_HOOKS], left[WATCH_HOOKS];
	unsigned int in, out; /* indexes of interfaces; 0: none was told */
	/* To whom they went when they had come through a hook, translated where a rule
	 * there does so; family 0: they came through none. */
	struct ip_addr to;
	uint16_t to_port;
	size_t rules; /* so many of others' rules they met */
	bool is_dropped;
	struct trace_event drop; /* by this rule, or by this chain's policy */
	int drop_hook;
	bool queued; /* a rule has handed one to a program */
	/* A chain that was met before the drop is known to be such a program's. */
	bool of_docker, of_ufw;
};

/* A packet in a layer, as the kernel numbers it. */
struct watched {
	uint32_t id;
	int layer; /* NFPROTO_* */
	enum watch_way way;
	int hook;
	unsigned int in, out;
	struct ip_addr to;
	uint16_t to_port;
	bool of_docker, of_ufw;
};

struct watch {
	enum {
		WATCH_OFF, /* why is in @err */
		WATCH_ON,
		WATCH_NO_NFTABLES, /* the kernel has none: there are no rules of it */
	} state;
	bool sees_bridges; /* the kernel's rules of bridges, too */
	/* Answers to translated addresses aren't known. */
	bool misses_nat;
	/* There are rules of bridges, and they aren't traced. */
	bool misses_bridges;
	bool lost; /* events came too quickly */
	struct netlink *owner; /* has the tables; owned */
	int fd; /* listens; owned */
	char table[TRACER_NAME_MAX];
	struct passage passages[WATCH_WAYS][WATCH_LAYERS];
	struct {
		struct watched *items;
		size_t n;
	} packets;
	struct cni_error err;
};

#define WATCH_CLOSED      \
	{                 \
		.fd = -1, \
	}

/* Begins, in the namespace that the calling thread is in. Where it can't, @watch says why.
 * @may_load: the kernel may load a module for it. */
void watch_begin(struct watch *watch, const struct flow *flow, bool may_load);

/* Takes the events that have come. */
void watch_take(struct watch *watch);

/* Has a rule of the node dropped a packet of this way? */
const struct passage *watch_dropped(const struct watch *watch, enum watch_way way);

/* Was a packet of this way seen at all? */
bool watch_saw(const struct watch *watch, enum watch_way way);

/* Removes the rules. */
void watch_end(struct watch *watch);

#endif
