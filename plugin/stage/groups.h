/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IPv6 multicast groups by which neighbours look for a pod's addresses (RFC 4291,
 * solicited-node), where the bridge sends multicast frames to members alone.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_GROUPS_H
#define BRIDGE_CNI_PLUGIN_STAGE_GROUPS_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/* Queues entries of the bridge that say that the pod is a member of the groups of all its
 * addresses, the link-local one included. @port: the index of its port. */
void groups_queue(struct attachment *att, unsigned int port);

/* The bridge had no room for an entry (-E2BIG, with @err set), and has given up to tell
 * members from others: tells the operator, and clears the error. Returns 0. */
int groups_full(struct attachment *att, struct cni_error *err);

/* Is the bridge @link to ask who is a member of which group? Only one that was made here
 * and has no other ports may: a router may be behind these, and asks by itself. */
bool groups_wants_querier(const struct attachment *att, const struct link *link);

/* repair: has the bridge ask no more where it has other ports, or filters VLANs. Under
 * the exclusive lock. Code 101. */
int groups_settle(struct attachment *net, struct cni_error *err);

#endif
