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
	uint32_t limit; /* of the queue */
};

/* As the interface's root qdisc: for what it sends. -EEXIST: it has one of somebody's. */
void queue_tbf_add(struct netlink *nl, unsigned int index, const char *name,
		   const struct tbf *tbf);

/* The ingress qdisc, and a filter on it that sends all that @index receives out through
 * interface @to. -EEXIST: it has one of somebody's. */
void queue_redirect_add(struct netlink *nl, unsigned int index, const char *name,
			unsigned int to);

/* -ENOENT, -EINVAL: there is none. The filter goes with the ingress qdisc. */
void queue_root_qdisc_del(struct netlink *nl, unsigned int index, const char *name);
void queue_redirect_del(struct netlink *nl, unsigned int index, const char *name);

/* The root qdisc; rate 0: it is no tbf. The kernel tells the burst rounded. */
int tbf_get(struct netlink *nl, unsigned int index, struct tbf *ret_tbf,
	    struct cni_error *err);

/* Where the filter sends what @index receives; 0: there is none. */
int redirect_get(struct netlink *nl, unsigned int index, unsigned int *ret_to,
		 struct cni_error *err);

#endif
