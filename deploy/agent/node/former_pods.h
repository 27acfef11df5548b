/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the pods of a former podCIDR: connected pods of this node whose addresses are not
 * of the podCIDR that it has now. They began when its Node had another one.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_FORMER_PODS_H
#define BRIDGE_CNI_AGENT_NODE_FORMER_PODS_H

#include "conf/base/text.h"
#include "conf/pod.h"
#include "conflist.h"
#include "deploy/agent/api/node_table.h"
#include "plugin/netlink/netlink.h"

#define FORMER_PODS_NAMED 64

/* An address of such a pod. */
struct former_address {
	struct ip_prefix address; /* with the length of the former podCIDR */
	struct ip_addr gateway; /* family 0: it is none of the node's */
	bool taken; /* a Node has an accepted podCIDR with addresses of the former one */
};
struct former_address_list {
	struct former_address *items;
	size_t n;
};

struct former_pod {
	char name[POD_NAME_MAX]; /* as port_pod() gives it; each is there once */
	bool cut_off; /* one of its addresses is taken */
};

/* Zero-initialise it. */
struct former_pods {
	struct former_address_list addresses; /* owned */
	size_t n,
		cut_off; /* interfaces of pods: all of them, and those that are cut off */
	struct former_pod *named; /* the first ones; owned */
	size_t named_n;
	/* The Node because of which the first one is cut off, and its podCIDR; "": none
	 * is. */
	char rival[NODE_NAME_MAX + 1];
	struct ip_prefix rival_cidr;
	uint64_t seen; /* a hash of the bridge and of all pods that it has */
};
void former_pods_clear(struct former_pods *pods);

/* An outcome of former_pods_find() that leaves @pods alone: the bridge and its pods are
 * those of the last time. */
#define FORMER_PODS_SAME 1

/*
 * Looks which pods on the bridge of @list (port_list_get()) have addresses outside of its
 * subnets, or another gateway. @nodes were judged. @again: also where bridge and pods are
 * those of the last time. FORMER_PODS_SAME. Codes 100, 101.
 */
int former_pods_find(struct netlink *rtnl, const struct conflist *list,
		     const struct node_table *nodes, bool again, struct former_pods *pods,
		     struct cni_error *err);

/* Adds the names, and how many more pods there are. @cut_off: only of those. */
void former_pods_add_names(const struct former_pods *pods, bool cut_off,
			   struct text *text);

#endif
