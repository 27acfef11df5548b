/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node's network configuration list: what it says, follows from the options and the
 * node's podCIDRs alone; that the file says it, is kept. */
#ifndef BRIDGE_CNI_AGENT_CONFLIST_H
#define BRIDGE_CNI_AGENT_CONFLIST_H

#include "deploy/agent/api/node_table.h"
#include "deploy/agent/base/options.h"

struct conflist {
	char *text; /* the file; NULL: not known yet */
	char *plugin; /* the plugin's part, as a runtime would hand it over */
	size_t left_out; /* nonMasqueradeCIDRs that found no place */
};
void conflist_clear(struct conflist *list);

/*
 * For node @own in a cluster with these podCIDRs (node_table_cidrs()). Read again and
 * validated as bridge-cni will. Codes 7, 100.
 */
int conflist_make(const struct options *options, const struct cluster_node *own,
		  const struct prefix_list *cluster, struct conflist *ret_list,
		  struct cni_error *err);

/* How many addresses the list's ranges have, by family; the gateways don't count. */
int conflist_capacity(const struct conflist *list, uint64_t ret_n[FAMILIES],
		      struct cni_error *err);

/* Writes the file unless it is right. 1: it was written, 0: it was right. Code 5. */
int conflist_install(const struct options *options, const struct conflist *list,
		     struct cni_error *err);

/* What is there from before a restart; -ENOENT without an error set: nothing of ours. */
int conflist_load(const struct options *options, struct conflist *ret_list,
		  struct cni_error *err);

#endif
