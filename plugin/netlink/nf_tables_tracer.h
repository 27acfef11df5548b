/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of nftables that have the kernel tell which rules the packets of one flow meet.
 * They stand in tables that the kernel binds to the connection that made them: it removes
 * them when that is closed, also where the process was killed. nf_tables_trace_event.h has
 * what the kernel tells. See nft(8), "meta nftrace", and linux/netfilter/nf_tables.h.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TRACER_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TRACER_H

#include <stdbool.h>

#include "flow.h"
#include "nf_tables_tracer_rules.h"

enum tracer_layer {
	TRACER_IP, /* what the namespace routes, or is its own */
	TRACER_BRIDGE, /* frames that cross a bridge of the namespace */
};

/* Outcomes of tracer_begin(). */
enum {
	TRACER_TOO_OLD =
		1, /* the kernel binds no table to a connection: Linux 5.12 does */
	TRACER_NO_LAYER, /* this kernel has no rules of that layer */
};

/*
 * Makes the table of a layer, whose name follows from the connection: those of others that
 * trace at the same time have other names. Of the answers, those to translated addresses
 * are only known by the connection tracking: with @by_connection rules ask that. It is for
 * a namespace in which others use it, as the question turns it on.
 * @nl: a NETLINK_FOR_NFTABLES connection that lives as long as the table. Code 101.
 */
int tracer_begin(struct netlink *nl, enum tracer_layer layer, const struct flow *flow,
		 bool by_connection, char ret_table[TRACER_NAME_MAX],
		 struct cni_error *err);

/* The kinds of nftables' chains that a network namespace has. */
struct tracer_chains {
	bool translate; /* addresses; one of them does */
	bool of_bridges; /* one of them sees frames on bridges */
};

/* Code 101. */
int tracer_chains_read(struct netlink *nl, struct tracer_chains *ret_chains,
		       struct cni_error *err);

#endif
