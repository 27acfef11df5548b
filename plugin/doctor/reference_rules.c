/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks for the rules by the plugins' names of chains and tables: pkg/ip/ipmasq_*.go and
 * plugins/meta/portmap/portmap_*.go. A pod's address is that which a rule compares the
 * source with, or translates the destination to.
 */
#include "reference_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/list.h"
#include "conf/base/util.h"
#include "plugin/netlink/nf_tables_address.h"
#include "plugin/node/iptables_legacy_table.h"

/* A chain of rules of pods, or of rules that lead to a chain of a pod's own. */
static const struct place {
	enum reference_kind kind;
	int family; /* 0: ip and ip6 */
	const char *table, *chain;
	const char *prefix; /* of the pods' own chains; NULL: they have none */
} places[] = {
	{REFERENCE_MASQUERADES, 0, "nat", "POSTROUTING", "CNI-"},
	{REFERENCE_LEADS, 0, "nat", "CNI-HOSTPORT-DNAT", "CNI-DN-"},
	{REFERENCE_MASQUERADES, NFPROTO_INET, "cni_plugins_masquerade", "masq_checks",
	 NULL},
	{REFERENCE_MASQUERADES, 0, "cni_hostport", "masquerading", NULL},
	{REFERENCE_LEADS, 0, "cni_hostport", "hostports", NULL},
	{REFERENCE_LEADS, 0, "cni_hostport", "hostip_hostports", NULL},
};

/* The reference's names of chains end with digits of a hash, which are safe in commands. */
static bool is_named(const char *chain, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(chain, prefix, len) == 0 && chain[len] &&
	       strspn(chain + len, "0123456789abcdef") == strlen(chain + len);
}

static int rule_add(struct reference_rule_list *list, const struct reference_rule *rule,
		    struct cni_error *err)
{
	struct reference_rule *item;

	if (!rule->pod.family)
		return 0;
	item = LIST_ADD(list);
	if (!item)
		return error_oom(err);
	*item = *rule;
	return 0;
}

/* The pod's address, of a rule in a place. A chain of host ports has it in its own
 * rules. */
static int nft_pod(struct nft_ruleset *nft, const struct place *place, int family,
		   const struct rule_addresses *rule, struct ip_addr *ret_pod,
		   struct cni_error *err)
{
	const struct nft_chain_rules *rules = NULL;
	int ret;

	*ret_pod = place->kind == REFERENCE_LEADS ? rule->target : rule->source;
	if (place->kind != REFERENCE_LEADS || !place->prefix)
		return 0;
	ret = nft_ruleset_rules(nft, family, place->table, rule->chain, &rules, err);
	for (size_t i = 0; ret == 0 && !ret_pod->family && i < rules->n; i++)
		*ret_pod = rule_addresses(rules->items[i].expressions,
					  family == NFPROTO_IPV6)
				   .target;
	return ret;
}

static int nft_place(struct nft_ruleset *nft, const struct place *place, int family,
		     struct reference_rule_list *list, struct cni_error *err)
{
	const struct nft_chain_rules *rules = NULL;
	int ret = nft_ruleset_rules(nft, family, place->table, place->chain, &rules, err);

	for (size_t i = 0; ret == 0 && i < rules->n; i++) {
		const struct nft_rule_text *text = &rules->items[i];
		struct rule_addresses addresses = rule_addresses(text->expressions,
								 family == NFPROTO_IPV6);
		struct reference_rule rule = {
			.kind = place->kind,
			.family = family,
			.table = place->table,
			.in_chain = place->chain,
			.handle = text->handle,
		};

		if (place->prefix && !is_named(addresses.chain, place->prefix))
			continue;
		if (place->prefix)
			snprintf(rule.chain, sizeof(rule.chain), "%.31s",
				 addresses.chain);
		snprintf(rule.comment, sizeof(rule.comment), "%s", text->comment);
		ret = nft_pod(nft, place, family, &addresses, &rule.pod, err);
		if (ret == 0)
			ret = rule_add(list, &rule, err);
	}
	return ret;
}

static int nft_read(struct nft_ruleset *nft, struct reference_rule_list *list,
		    struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(places); i++) {
		if (places[i].family) {
			ret = nft_place(nft, &places[i], places[i].family, list, err);
			continue;
		}
		ret = nft_place(nft, &places[i], NFPROTO_IPV4, list, err);
		if (ret == 0)
			ret = nft_place(nft, &places[i], NFPROTO_IPV6, list, err);
	}
	return ret;
}

/* ---- iptables-legacy ---- */

static const struct xt_entry_target *
target_at(const struct legacy_table *table, size_t at, const struct legacy_entry *entry)
{
	const char *text = (const char *)table->entries->entrytable;

	return (const void *)(text + at + entry->target);
}

/* The name of the chain that a rule jumps to; NULL: it doesn't. */
static const char *jump_of(const struct legacy_table *table, size_t at,
			   const struct legacy_entry *entry)
{
	const struct xt_standard_target *target = (const void *)target_at(table, at,
									  entry);

	return target->target.u.user.name[0] == '\0' && target->verdict >= 0
		       ? legacy_chain_name(table, target->verdict)
		       : NULL;
}

/* The address that the rules of a chain translate to. */
static struct ip_addr legacy_target(const struct legacy_table *table, const char *chain)
{
	struct ip_addr addr = {};
	struct legacy_entry entry;

	for (size_t at = legacy_chain_at(table, chain);
	     !addr.family && legacy_entry_at(table, at, &entry) &&
	     !legacy_entry_name(table, at, &entry);
	     at += entry.next) {
		const struct xt_entry_target *target = target_at(table, at, &entry);

		if (strcmp(target->u.user.name, "DNAT") == 0)
			addr = xt_dnat_address(
				target->data, entry.next - entry.target - sizeof(*target),
				target->u.user.revision, table->family == AF_INET6);
	}
	return addr;
}

static int legacy_place(const struct legacy_table *table, const struct place *place,
			struct reference_rule_list *list, struct cni_error *err)
{
	bool is_hook = strcmp(place->chain, "POSTROUTING") == 0;
	size_t at = is_hook ? table->info.hook_entry[NF_INET_POST_ROUTING]
			    : legacy_chain_at(table, place->chain);
	struct legacy_entry entry;
	int ret = 0;

	for (; ret == 0 && legacy_entry_at(table, at, &entry) &&
	       !legacy_entry_name(table, at, &entry);
	     at += entry.next) {
		const char *chain = jump_of(table, at, &entry);
		struct reference_rule rule = {
			.kind = place->kind,
			.legacy = true,
			.family = table->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6,
			.table = place->table,
			.in_chain = place->chain,
		};

		if (!chain || !is_named(chain, place->prefix))
			continue;
		snprintf(rule.chain, sizeof(rule.chain), "%.31s", chain);
		rule.pod = place->kind == REFERENCE_LEADS ? legacy_target(table, chain)
							  : entry.from;
		ret = rule_add(list, &rule, err);
	}
	return ret;
}

static int legacy_read(struct reference_rule_list *list, struct cni_error *err)
{
	int ret = 0;

	for (size_t f = 0; ret == 0 && f < IP_FAMILIES; f++) {
		struct legacy_table *table = legacy_table_exists(ip_families[f], "nat")
						     ? legacy_table_new(ip_families[f],
									"nat")
						     : NULL;

		for (size_t i = 0; ret == 0 && table && i < ARRAY_SIZE(places); i++)
			if (places[i].prefix)
				ret = legacy_place(table, &places[i], list, err);
		legacy_table_free(table);
	}
	return ret;
}

int reference_rules_read(struct nft_ruleset *nft, struct reference_rule_list *ret_list,
			 struct cni_error *err)
{
	struct reference_rule_list list = {};
	int ret = nft ? nft_read(nft, &list, err) : 0;

	if (ret == 0)
		ret = legacy_read(&list, err);
	if (ret < 0) {
		free(list.items);
		return ret;
	}
	*ret_list = list;
	return 0;
}
