/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic control over rtnetlink, as far as limiting a pod's rates goes: token buckets,
 * and the redirection of what an interface receives. See tc(8), tc-tbf(8), tc-mirred(8).
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_TC_H
#define BRIDGE_CNI_PLUGIN_NETLINK_TC_H

#include <stdint.h>

#include "netlink.h"

/* A token bucket filter, in bytes. */
struct tbf {
	uint64_t rate; /* per second */
	uint32_t burst; /* the bucket */
	uint32_t limit; /* of the queue in front of it */
};

/* Makes the filter the root qdisc of an interface, for what that sends. -EEXIST: somebody
 * has given it a root qdisc. */
void queue_tbf_add(struct netlink *nl, unsigned int index, const char *name,
		   const struct tbf *tbf);

/* Adds a clsact qdisc and a filter on it that sends all that @index receives out through
 * interface @to. -EEXIST: somebody has given it such a qdisc, or one of kind "ingress". */
void queue_redirect_add(struct netlink *nl, unsigned int index, const char *name,
			unsigned int to);

/* Delete the root qdisc, and the clsact qdisc with its filter, or that of kind "ingress"
 * of an earlier version. -ENOENT, -EINVAL: there is none. */
void queue_root_qdisc_del(struct netlink *nl, unsigned int index, const char *name);
void queue_redirect_del(struct netlink *nl, unsigned int index, const char *name);

/* Reads the root qdisc; rate 0: it is no token bucket filter. The kernel rounds the
 * burst. Code 101. */
int tbf_get(struct netlink *nl, unsigned int index, struct tbf *ret_tbf,
	    struct cni_error *err);

/* Gives the interface that the filter sends to what @index receives; 0: there is no
 * filter. Code 101. */
int redirect_get(struct netlink *nl, unsigned int index, unsigned int *ret_to,
		 struct cni_error *err);

#endif
