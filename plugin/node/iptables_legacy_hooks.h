/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the chains of iptables-legacy that drop a packet at a hook. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_IPTABLES_LEGACY_HOOKS_H
#define BRIDGE_CNI_PLUGIN_NODE_IPTABLES_LEGACY_HOOKS_H

#include "plugin/netlink/chain_walk.h"
#include "plugin/netlink/packet.h"

/* So many tables may drop: nat can't. */
#define LEGACY_DROPPING 4

struct legacy_table;

/* The tables of both families. Each is read when it is asked for, and kept. Begins as
 * zeros. */
struct legacy_tables {
	struct legacy_table *items[IP_FAMILIES][LEGACY_DROPPING];
	bool looked[IP_FAMILIES];
};
void legacy_tables_clear(struct legacy_tables *tables);

struct legacy_drop {
	const char *table, *chain; /* "filter", "FORWARD" */
	int priority;
	struct chain_walked walked;
};
struct legacy_drop_list {
	struct legacy_drop *items;
	size_t n;
	bool marks; /* a chain of the hook gives such packets a mark, or may do so */
};

/* Adds the chains of the hook NF_INET_… that drop the packet, or may do so, to @list,
 * whose items the caller frees. No table comes of looking; one that can't be read drops
 * nothing. Code 100. */
int legacy_hook_drops(struct legacy_tables *tables, unsigned int hook,
		      const struct packet *packet, struct legacy_drop_list *list,
		      struct cni_error *err);

#endif
