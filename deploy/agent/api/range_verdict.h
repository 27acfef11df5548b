/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts on the addresses that a Node has for its pods and for itself. A Node says
 * whatever somebody has written into it: pod_ranges.h decides what is used.
 */
#ifndef BRIDGE_CNI_AGENT_API_RANGE_VERDICT_H
#define BRIDGE_CNI_AGENT_API_RANGE_VERDICT_H

/* The verdict on a podCIDR. Those behind RANGE_ACCEPTED are reasons not to use it. Of each
 * Node there are some of them in memory, so they are packed. */
enum range_verdict {
	RANGE_UNKNOWN, /* not judged yet, or there is none of this family */
	RANGE_ACCEPTED,
	RANGE_SPECIAL, /* it has loopback, link-local, multicast or reserved addresses */
	RANGE_TOO_WIDE, /* it is wider than any node's pods need */
	RANGE_OUTSIDE, /* it isn't inside --cluster-cidr */
	RANGE_NO_OWNER, /* its Node's InternalIP can't be another node's */
	RANGE_NODE_NETWORK, /* it overlaps an address or a network of this node */
	RANGE_GATEWAY, /* it has the gateway of a route of this node in it */
	RANGE_API_SERVER, /* it has the API server's address in it */
	RANGE_INTERNAL_IP, /* it has the InternalIP of a node in it */
	RANGE_OVERLAP, /* it overlaps a podCIDR that another node has already */
	RANGE_VERDICTS, /* how many there are */
} __attribute__((packed));
/* How metrics and the log call these verdicts, indexed by enum range_verdict. */
extern const char *const range_verdict_names[RANGE_VERDICTS];

/* The verdict on an InternalIP. */
enum address_verdict {
	ADDRESS_UNKNOWN, /* not judged yet, or there is none of this family */
	ADDRESS_USABLE,
	ADDRESS_UNUSABLE, /* no host has it: broadcast, multicast, loopback, … */
	ADDRESS_OWN, /* this node has it */
	ADDRESS_OF_PODS, /* it is in a podCIDR that is used */
} __attribute__((packed));

#endif
