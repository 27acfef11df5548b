/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fence on an interface: what it receives from or for 127.0.0.0/8 is dropped before
 * netfilter sees it, so that flushing the rules of nftables doesn't open it. It is a
 * filter of the clsact qdisc with a program of classic BPF (tc-bpf(8)).
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_FENCE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"

/*
 * A packet for 127.0.0.0/8 that has this mark passes. With bridge-nf-call-iptables the
 * answer of a pod to a connection that came from 127.0.0.1 is translated back on the
 * bridge, before the interface receives it: a rule of nftables gives that answer the
 * mark. No packet has a mark when it comes from another network namespace.
 */
#define FENCE_PASS_MARK UINT32_C(0x7f000000)

/* The handle of the filter says why it is there. */
enum fence {
	FENCE_NONE,
	FENCE_OURS, /* route_localnet was turned on here, together with it */
	FENCE_BESIDE, /* route_localnet was on already: somebody else's doing */
};

int fence_get(struct netlink *nl, unsigned int index, enum fence *ret_fence,
	      struct cni_error *err);

/* Adds the qdisc, where there is none, and the filter. A fence that is there already is
 * success. Code 101: the kernel lacks cls_bpf, or sch_ingress. */
int fence_add(struct netlink *nl, unsigned int index, const char *name, enum fence fence,
	      struct cni_error *err);

/* Deletes the filter, and the qdisc unless somebody else has a filter there. That there
 * is no fence is success. */
int fence_del(struct netlink *nl, unsigned int index, const char *name,
	      struct cni_error *err);

#endif
