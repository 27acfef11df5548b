/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Only those chains' rules are read that somebody asks for: of kube-proxy's thousands of
 * chains hardly any is. */
#include "nf_tables_ruleset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <search.h>
#include <string.h>
#include <sys/socket.h>

#include "attr.h"
#include "conf/base/list.h"
#include "nf_tables_message.h"
#include "nfnetlink.h"

#ifndef NFTA_DEVICE_PREFIX
#define NFTA_DEVICE_PREFIX 2 /* Linux 6.16: all devices whose names begin so */
#endif

static void device_add(struct nft_base_chain *chain, const struct nlattr *name,
		       const char *suffix)
{
	char *device;

	if (chain->devices_n == NFT_DEVICES_MAX)
		return;
	device = chain->devices[chain->devices_n];
	nla_strlcpy(device, name, IF_NAMESIZE);
	strcat(device, suffix);
	chain->devices_n++;
}

static void devices_read(struct nft_base_chain *chain, struct nlattr **hook)
{
	struct nlattr *device;
	int left;

	if (!hook[NFTA_HOOK_DEVS]) {
		if (hook[NFTA_HOOK_DEV])
			device_add(chain, hook[NFTA_HOOK_DEV], "");
		return;
	}
	nla_for_each_nested(device, hook[NFTA_HOOK_DEVS], left) {
		bool is_prefix = nla_type(device) == NFTA_DEVICE_PREFIX;

		device_add(chain, device, is_prefix ? "*" : "");
	}
}

static int chain_read(const struct nlmsghdr *answer, void *data)
{
	struct nft_ruleset *ruleset = data;
	struct nlattr *attrs[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct nft_base_chain *chain;

	if (!answer) {
		ruleset->bases.n = 0;
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_CHAIN_MAX, NULL) < 0 ||
	    !attrs[NFTA_CHAIN_TABLE] || !attrs[NFTA_CHAIN_NAME])
		return -EBADMSG;
	if (!attrs[NFTA_CHAIN_HOOK] ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, attrs[NFTA_CHAIN_HOOK], NULL) < 0)
		return 0;
	chain = LIST_ADD(&ruleset->bases);
	if (!chain)
		return -ENOMEM;
	chain->family = ((struct nfgenmsg *)nlmsg_data(answer))->nfgen_family;
	nla_strlcpy(chain->table, attrs[NFTA_CHAIN_TABLE], sizeof(chain->table));
	nla_strlcpy(chain->chain, attrs[NFTA_CHAIN_NAME], sizeof(chain->chain));
	chain->hook = ntohl(get_u32(hook[NFTA_HOOK_HOOKNUM]));
	chain->priority = (int)ntohl(get_u32(hook[NFTA_HOOK_PRIORITY]));
	chain->is_nat = attrs[NFTA_CHAIN_TYPE] &&
			nla_strcmp(attrs[NFTA_CHAIN_TYPE], "nat") == 0;
	chain->policy_drops = attrs[NFTA_CHAIN_POLICY] &&
			      ntohl(get_u32(attrs[NFTA_CHAIN_POLICY])) == NF_DROP;
	devices_read(chain, hook);
	return 0;
}

static int table_read(const struct nlmsghdr *answer, void *data)
{
	struct nft_ruleset *ruleset = data;
	struct nlattr *attrs[NFTA_TABLE_MAX + 1];
	int family;

	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_TABLE_MAX, NULL) < 0 ||
	    !attrs[NFTA_TABLE_NAME])
		return -EBADMSG;
	family = ((struct nfgenmsg *)nlmsg_data(answer))->nfgen_family;
	for (size_t i = 0; i < ruleset->bases.n; i++) {
		struct nft_base_chain *base = &ruleset->bases.items[i];

		if (base->family == family &&
		    nla_strcmp(attrs[NFTA_TABLE_NAME], base->table) == 0)
			base->dormant = ntohl(get_u32(attrs[NFTA_TABLE_FLAGS])) &
					NFT_TABLE_F_DORMANT;
	}
	return 0;
}

static int dump(struct nft_ruleset *ruleset, int type, const char *what,
		netlink_answer_fn fn, struct cni_error *err)
{
	begin_nfnl(ruleset->nl, netlink_queue(ruleset->nl, type, NLM_F_DUMP, "%s", what),
		   AF_UNSPEC);
	return netlink_request(ruleset->nl, fn, ruleset, ENOENT, err);
}

int nft_ruleset_open(struct netlink *nl, struct nft_ruleset *ret_ruleset,
		     struct cni_error *err)
{
	struct nft_ruleset ruleset = {.nl = nl};
	int ret = dump(&ruleset, NFNL_TYPE(NFTABLES, NFT_MSG_GETCHAIN),
		       "reading the chains of nftables", chain_read, err);

	if (ret >= 0)
		ret = dump(&ruleset, NFNL_TYPE(NFTABLES, NFT_MSG_GETTABLE),
			   "reading the tables of nftables", table_read, err);
	if (ret < 0) {
		nft_ruleset_clear(&ruleset);
		return ret;
	}
	*ret_ruleset = ruleset;
	return 0;
}

static void rules_forget(struct nft_chain_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		free(rules->items[i].expressions);
	rules->n = 0;
}

static void rules_free(void *data)
{
	struct nft_chain_rules *rules = data;

	rules_forget(rules);
	free(rules->items);
	free(rules);
}

void nft_ruleset_clear(struct nft_ruleset *ruleset)
{
	tdestroy(ruleset->chains, rules_free);
	nft_set_answers_clear(&ruleset->answers);
	free(ruleset->bases.items);
	*ruleset = (struct nft_ruleset){};
}

static int rule_read(const struct nlmsghdr *answer, void *data)
{
	struct nft_chain_rules *rules = data;
	struct nlattr *attrs[NFTA_RULE_MAX + 1], *expressions;
	struct nft_rule_text *rule;

	if (!answer) {
		rules_forget(rules);
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_RULE_MAX, NULL) < 0)
		return -EBADMSG;
	rule = LIST_ADD(rules);
	if (!rule)
		return -ENOMEM;
	if (attrs[NFTA_RULE_HANDLE] && nla_len(attrs[NFTA_RULE_HANDLE]) == 8)
		rule->handle = be64toh(nla_get_u64(attrs[NFTA_RULE_HANDLE]));
	nft_comment_read(attrs[NFTA_RULE_USERDATA], rule->comment);
	expressions = attrs[NFTA_RULE_EXPRESSIONS];
	if (!expressions)
		return 0;
	rule->expressions = malloc(expressions->nla_len);
	if (!rule->expressions)
		return -ENOMEM;
	memcpy(rule->expressions, expressions, expressions->nla_len);
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct nft_chain_rules *first = a, *second = b;
	int cmp = first->family - second->family;

	if (cmp == 0)
		cmp = strcmp(first->chain, second->chain);
	return cmp ? cmp : strcmp(first->table, second->table);
}

static void place_set(struct nft_chain_rules *rules, int family, const char *table,
		      const char *chain)
{
	rules->family = family;
	snprintf(rules->table, sizeof(rules->table), "%s", table);
	snprintf(rules->chain, sizeof(rules->chain), "%s", chain);
}

static int rules_get(struct netlink *nl, struct nft_chain_rules *rules,
		     struct cni_error *err)
{
	struct builder b = begin_nfnl(
		nl,
		netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETRULE), NLM_F_DUMP,
			      "reading the rules of table %s", rules->table),
		rules->family);

	put_string(b, NFTA_RULE_TABLE, rules->table);
	put_string(b, NFTA_RULE_CHAIN, rules->chain);
	return netlink_request(nl, rule_read, rules, ENOENT, err);
}

int nft_ruleset_rules(struct nft_ruleset *ruleset, int family, const char *table,
		      const char *chain, const struct nft_chain_rules **ret_rules,
		      struct cni_error *err)
{
	struct nft_chain_rules key = {}, *rules;
	void *found;
	int ret;

	place_set(&key, family, table, chain);
	found = tfind(&key, &ruleset->chains, by_place);
	if (found) {
		*ret_rules = *(struct nft_chain_rules **)found;
		return 0;
	}
	rules = calloc(1, sizeof(*rules));
	if (!rules)
		return error_oom(err);
	place_set(rules, family, table, chain);
	ret = rules_get(ruleset->nl, rules, err);
	if (ret >= 0 && !tsearch(rules, &ruleset->chains, by_place))
		ret = error_oom(err);
	if (ret < 0) {
		rules_free(rules);
		return ret;
	}
	*ret_rules = rules;
	return 0;
}

bool nft_ruleset_has(struct nft_ruleset *ruleset, int family, const char *table,
		     const char *chain)
{
	bool exists = false;

	return nft_exists(ruleset->nl, family, table, chain, &exists, NULL) == 0 &&
	       exists;
}
