/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings of pod_signs.c, which the node keeps and frees. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_SIGNS_FOUND_H
#define BRIDGE_CNI_PLUGIN_NODE_SIGNS_FOUND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plugin/netlink/fdb.h"
#include "plugin/netlink/link.h"

struct process_ns {
	ino_t inode;
	uint64_t cookie;
};

/* A macvlan or an ipvlan in a namespace that has a number on the node (ns_id.h). */
struct share {
	struct link link;
	int ns_id; /* that number */
	char master[IF_NAMESIZE]; /* "": it is in another namespace than the link */
};

struct share_list {
	struct share *items;
	size_t n;
};

struct signs_found {
	unsigned int
		lock; /* enum node_lock, and gaps of the node, when they were looked for */
	unsigned int gaps;
	/* That was looked at, and all could be told. */
	bool has_macs, has_processes, has_shares;
	struct mac_list macs;
	struct share_list shares;
	struct {
		struct process_ns *items;
		size_t n;
	} processes;
};

/* Frees what *@signs owns, and sets it to NULL, which it may be already. */
void signs_found_free(struct signs_found **signs);

#endif
