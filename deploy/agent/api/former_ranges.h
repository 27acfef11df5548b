/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * podCIDRs that Nodes had before. A Node gets another podCIDR when it is deleted and made
 * again; pods with addresses of the former one may go on running there, and other nodes
 * reach them by the route that they had. pod_ranges.h decides which of them are routed.
 */
#ifndef BRIDGE_CNI_AGENT_API_FORMER_RANGES_H
#define BRIDGE_CNI_AGENT_API_FORMER_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"

/* The newest ones are known. A node's pods are started again some time, or die with the
 * machine, which other nodes can't know: so there is an end. */
#define FORMER_RANGES_MAX 256

struct former_range {
	char *node; /* the Node's name; owned */
	struct ip_prefix cidr;
	struct ip_addr gateway; /* the InternalIP that it had, by which the route leads */
	int64_t since; /* when the Node lost it, by now_ms() */
	bool routed; /* the verdict of the last time */
	bool over; /* nobody can need it any more: the next verdict forgets it */
	bool told; /* for whoever logs: it was said to be routed */
};

/* The oldest one comes first. Zero-initialise it. */
struct former_ranges {
	struct former_range *items;
	size_t n;
};
void former_ranges_clear(struct former_ranges *list);

/* Adds a podCIDR that a Node has lost. Where memory runs out it is forgotten. */
void former_ranges_add(struct former_ranges *list, const char *node,
		       const struct ip_prefix *cidr, const struct ip_addr *gateway);

/* Removes those that are over. */
void former_ranges_prune(struct former_ranges *list);

#endif
