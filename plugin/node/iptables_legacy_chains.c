/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists the chains of a table of iptables-legacy: an entry has the name of the chain that
 * begins behind it, as rules refer to chains by their places. */
#include <arpa/inet.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/util.h"
#include "iptables_legacy_table.h"

void legacy_table_free(struct legacy_table *table)
{
	if (!table)
		return;
	free(table->entries);
	free(table->by_place);
	free(table->by_name);
	free(table);
}

const char *legacy_entry_name(const struct legacy_table *table, size_t at,
			      const struct legacy_entry *entry)
{
	const char *text = (const char *)table->entries->entrytable;
	const struct xt_error_target *target = (const void *)(text + at + entry->target);

	if (strcmp(target->target.u.user.name, XT_ERROR_TARGET) != 0 ||
	    entry->next - entry->target < sizeof(*target) ||
	    strnlen(target->errorname, sizeof(target->errorname)) ==
		    sizeof(target->errorname))
		return NULL;
	return target->errorname;
}

static int compare_names(const void *a, const void *b)
{
	const struct legacy_chain *first = a, *second = b;

	return strcmp(first->name, second->name);
}

static int compare_places(const void *a, const void *b)
{
	const struct legacy_chain *first = a, *second = b;

	return (first->at > second->at) - (first->at < second->at);
}

static bool chains_list(struct legacy_table *table)
{
	struct legacy_entry entry;
	size_t at;

	table->by_place = calloc(table->info.num_entries + 1, sizeof(*table->by_place));
	table->by_name = calloc(table->info.num_entries + 1, sizeof(*table->by_name));
	if (!table->by_place || !table->by_name)
		return false;
	for (at = 0; table->chains < table->info.num_entries &&
		     legacy_entry_at(table, at, &entry);
	     at += entry.next) {
		const char *name = legacy_entry_name(table, at, &entry);

		if (name)
			table->by_place[table->chains++] =
				(struct legacy_chain){name, at + entry.next};
	}
	memcpy(table->by_name, table->by_place, table->chains * sizeof(*table->by_name));
	qsort(table->by_name, table->chains, sizeof(*table->by_name), compare_names);
	return true;
}

struct legacy_table *legacy_table_new(int family, const char *name)
{
	struct legacy_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->family = family;
	snprintf(table->info.name, sizeof(table->info.name), "%s", name);
	if (legacy_table_read(family, &table->info, &table->entries) == 0 &&
	    chains_list(table))
		return table;
	legacy_table_free(table);
	return NULL;
}

const char *legacy_chain_name(const struct legacy_table *table, size_t at)
{
	const struct legacy_chain key = {.at = at},
				  *found = bsearch(&key, table->by_place, table->chains,
						   sizeof(key), compare_places);

	return found ? found->name : NULL;
}

size_t legacy_chain_at(const struct legacy_table *table, const char *name)
{
	const struct legacy_chain key = {.name = name},
				  *found = bsearch(&key, table->by_name, table->chains,
						   sizeof(key), compare_names);

	return found ? found->at : table->info.size;
}
