/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files that read tables of iptables-legacy: a table as the kernel hands it over.
 * The structures of both families are laid out alike. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_IPTABLES_LEGACY_TABLE_H
#define BRIDGE_CNI_PLUGIN_NODE_IPTABLES_LEGACY_TABLE_H

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdbool.h>
#include <stddef.h>

#include "plugin/netlink/chain_walk.h"
#include "plugin/netlink/packet.h"

/* Is the table there? Asking for it would make the kernel set it up: look here first. */
bool legacy_table_exists(int family, const char *table);

/* Reads the table that @ret_info names; the caller frees the entries. -errno. */
int legacy_table_read(int family, struct ipt_getinfo *ret_info,
		      struct ipt_get_entries **ret_entries);

/* A chain that isn't a hook's. */
struct legacy_chain {
	const char *name; /* in the table */
	size_t at; /* its first rule */
};

struct legacy_table {
	int family;
	struct ipt_getinfo info;
	struct ipt_get_entries *entries; /* owned */
	struct legacy_chain *by_place, *by_name; /* owned: the same chains, sorted */
	size_t chains;
};
void legacy_table_free(struct legacy_table *table);

/* Reads a table that is there, with its chains; NULL: it can't be read. */
struct legacy_table *legacy_table_new(int family, const char *name);

/* The name of the chain that begins at @at; NULL: none does. */
const char *legacy_chain_name(const struct legacy_table *table, size_t at);

/* Where the chain of that name begins; the table's size: there is none. */
size_t legacy_chain_at(const struct legacy_table *table, const char *name);

/* An entry of either family. */
struct legacy_entry {
	const char *in, *out; /* interfaces, as far as their masks go */
	const unsigned char *in_mask, *out_mask;
	struct ip_addr from, from_mask, to, to_mask;
	uint16_t protocol;
	bool asks_protocol, fragments_only;
	uint8_t inverted; /* IPT_INV_… */
	size_t matches, target, next; /* where they begin, from the entry on */
};

/* Is there a whole entry at @at? */
bool legacy_entry_at(const struct legacy_table *table, size_t at,
		     struct legacy_entry *ret_entry);

/* The name that a chain begins with; NULL: the entry is a rule. */
const char *legacy_entry_name(const struct legacy_table *table, size_t at,
			      const struct legacy_entry *entry);

/* Judges the rule at @at. */
struct rule_judged legacy_entry_judge(const struct legacy_table *table, size_t at,
				      const struct legacy_entry *entry,
				      const struct packet *packet);

#endif
