/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A chain is a part of a table: that of a hook begins where the table says, and ends with
 * its policy; another one begins behind its name, and ends with an entry that returns.
 */
#include "iptables_legacy_hooks.h"

#include <arpa/inet.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/list.h"
#include "conf/base/util.h"
#include "iptables_legacy_table.h"
#include "plugin/netlink/chain_names.h"

static const struct {
	enum iptables_table table;
	int priority;
} dropping[LEGACY_DROPPING] = {
	{IPTABLES_RAW, NF_IP_PRI_RAW},
	{IPTABLES_MANGLE, NF_IP_PRI_MANGLE},
	{IPTABLES_FILTER, NF_IP_PRI_FILTER},
	{IPTABLES_SECURITY, NF_IP_PRI_SECURITY},
};

static size_t family_at(int family)
{
	return family == AF_INET ? 0 : 1;
}

void legacy_tables_clear(struct legacy_tables *tables)
{
	for (size_t f = 0; f < IP_FAMILIES; f++)
		for (size_t i = 0; i < LEGACY_DROPPING; i++)
			legacy_table_free(tables->items[f][i]);
	*tables = (struct legacy_tables){};
}

static void tables_look(struct legacy_tables *tables, int family)
{
	size_t f = family_at(family);

	if (tables->looked[f])
		return;
	tables->looked[f] = true;
	for (size_t i = 0; i < LEGACY_DROPPING; i++) {
		const char *name = iptables_tables[dropping[i].table];

		if (legacy_table_exists(family, name))
			tables->items[f][i] = legacy_table_new(family, name);
	}
}

struct legacy_source {
	struct chain_source source; /* the first member */
	const struct legacy_table *table;
	struct packet packet;
	unsigned int hook;
};

/* The rules of a chain end before its policy, or before the next chain's name. */
static int rules_judge(const struct chain_source *source, const char *chain,
		       struct rule_judged_list *ret_list, struct cni_error *err)
{
	const struct legacy_source *legacy = (const struct legacy_source *)source;
	const struct legacy_table *table = legacy->table;
	bool is_hook = strcmp(chain, iptables_chains[legacy->hook]) == 0;
	size_t at = is_hook ? table->info.hook_entry[legacy->hook]
			    : legacy_chain_at(table, chain),
	       end = is_hook ? table->info.underflow[legacy->hook] : table->info.size;
	struct rule_judged_list list = {};
	struct legacy_entry entry;

	for (; at < end && legacy_entry_at(table, at, &entry); at += entry.next) {
		struct rule_judged judged, *item;

		if (legacy_entry_name(table, at, &entry))
			break;
		judged = legacy_entry_judge(table, at, &entry, &legacy->packet);
		if (!rule_matters(&judged))
			continue;
		item = LIST_ADD(&list);
		if (!item) {
			free(list.items);
			return error_oom(err);
		}
		*item = judged;
	}
	*ret_list = list;
	return 0;
}

static bool policy_drops(const struct legacy_table *table, unsigned int hook)
{
	const struct packet nothing = {.in = "", .out = "", .bridge = ""};
	size_t at = table->info.underflow[hook];
	struct legacy_entry entry;

	return legacy_entry_at(table, at, &entry) &&
	       legacy_entry_judge(table, at, &entry, &nothing).effect == RULE_DROPS;
}

int legacy_hook_drops(struct legacy_tables *tables, unsigned int hook,
		      const struct packet *packet, struct legacy_drop_list *list,
		      struct cni_error *err)
{
	const struct packet_hook place = {HOOK_IP, hook};
	int family = packet->from.family;

	tables_look(tables, family);
	for (size_t i = 0; i < LEGACY_DROPPING; i++) {
		const struct legacy_table *table = tables->items[family_at(family)][i];
		struct legacy_source source = {
			.source.rules = rules_judge,
			.table = table,
			.packet = packet_seen(packet, &place, dropping[i].priority),
			.hook = hook,
		};
		struct legacy_drop drop = {
			.table = iptables_tables[dropping[i].table],
			.chain = iptables_chains[hook],
			.priority = dropping[i].priority,
		};
		int ret;

		if (!table || !(table->info.valid_hooks & 1U << hook))
			continue;
		ret = chain_walk(&source.source, iptables_chains[hook],
				 policy_drops(table, hook), &drop.walked, err);
		if (ret < 0)
			return ret;
		list->marks |= drop.walked.marks;
		if (ret == CHAIN_DROPS) {
			struct legacy_drop *item = LIST_ADD(list);

			if (!item)
				return error_oom(err);
			*item = drop;
		}
	}
	return 0;
}
