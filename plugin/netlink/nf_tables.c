/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Speaks nf_tables over nfnetlink: the little of it that an ADD needs every time. */
#include "nf_tables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "nf_tables_lookup.h"
#include "nf_tables_message.h"
#include "nfnetlink.h"

/* Is this expression a verdict that sends the packet to @chain? */
static bool is_jump_to(struct nlattr *expr, const char *chain)
{
	struct nlattr *parts[NFTA_EXPR_MAX + 1], *immediate[NFTA_IMMEDIATE_MAX + 1];
	struct nlattr *value[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];

	return nla_parse_nested(parts, NFTA_EXPR_MAX, expr, NULL) == 0 &&
	       parts[NFTA_EXPR_NAME] && parts[NFTA_EXPR_DATA] &&
	       nla_strcmp(parts[NFTA_EXPR_NAME], "immediate") == 0 &&
	       nla_parse_nested(immediate, NFTA_IMMEDIATE_MAX, parts[NFTA_EXPR_DATA],
				NULL) == 0 &&
	       immediate[NFTA_IMMEDIATE_DATA] &&
	       nla_parse_nested(value, NFTA_DATA_MAX, immediate[NFTA_IMMEDIATE_DATA],
				NULL) == 0 &&
	       value[NFTA_DATA_VERDICT] &&
	       nla_parse_nested(verdict, NFTA_VERDICT_MAX, value[NFTA_DATA_VERDICT],
				NULL) == 0 &&
	       verdict[NFTA_VERDICT_CHAIN] &&
	       nla_strcmp(verdict[NFTA_VERDICT_CHAIN], chain) == 0;
}

static bool has_jump_to(struct nlattr *exprs, const char *chain)
{
	struct nlattr *expr;
	int left;

	if (!exprs)
		return false;
	nla_for_each_nested(expr, exprs, left)
		if (is_jump_to(expr, chain))
			return true;
	return false;
}

struct rule_query {
	const char *jump_to; /* only rules that go to this chain; NULL: all */
	size_t elements; /* elements that further questions were answered with */
	nft_rule_fn fn;
	void *data;
};

static int rule_read(const struct nlmsghdr *answer, void *data)
{
	struct rule_query *query = data;
	struct nlattr *attrs[NFTA_RULE_MAX + 1];
	char chain[NFT_NAME_MAX], comment[NFT_COMMENT_MAX];
	uint64_t handle;

	if (!answer) {
		query->elements = 0;
		return query->fn("", 0, "", query->data);
	}
	if (answer->nlmsg_type == NFNL_TYPE(NFTABLES, NFT_MSG_NEWSETELEM))
		query->elements++;
	if (answer->nlmsg_type != NFNL_TYPE(NFTABLES, NFT_MSG_NEWRULE))
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_RULE_MAX, NULL) < 0 ||
	    !attrs[NFTA_RULE_HANDLE] || !attrs[NFTA_RULE_CHAIN])
		return -EBADMSG;
	if (query->jump_to && !has_jump_to(attrs[NFTA_RULE_EXPRESSIONS], query->jump_to))
		return 0;
	memcpy(&handle, nla_data(attrs[NFTA_RULE_HANDLE]), sizeof(handle));
	nla_strlcpy(chain, attrs[NFTA_RULE_CHAIN], sizeof(chain));
	nft_comment_read(attrs[NFTA_RULE_USERDATA], comment);
	return query->fn(chain, be64toh(handle), comment, query->data);
}

/* Reads the rules of one chain, or with @chain NULL those of the whole table. */
static int rules_dump(struct netlink *nl, int family, const char *table,
		      const char *chain, struct rule_query *query, struct cni_error *err)
{
	struct builder b = begin_nfnl(
		nl,
		netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETRULE), NLM_F_DUMP,
			      "reading the rules of table %s", table),
		family);
	int ret;

	put_string(b, NFTA_RULE_TABLE, table);
	if (chain)
		put_string(b, NFTA_RULE_CHAIN, chain);
	ret = netlink_request(nl, rule_read, query, ENOENT, err);
	return ret == NETLINK_EXPECTED ? 0 : ret;
}

int nft_table_rules(struct netlink *nl, int family, const char *table, const char *chain,
		    struct nft_probes *probes, nft_rule_fn fn, void *data,
		    struct cni_error *err)
{
	struct rule_query query = {.fn = fn, .data = data};
	int ret;

	for (size_t i = 0; i < probes->n; i++)
		nft_element_ask(nl, &probes->items[i].set, &probes->items[i].key);
	ret = rules_dump(nl, family, table, chain, &query, err);
	probes->found = query.elements;
	return ret;
}

int nft_chain_rules(struct netlink *nl, int family, const char *table, const char *chain,
		    nft_rule_fn fn, void *data, struct cni_error *err)
{
	struct rule_query query = {.fn = fn, .data = data};

	return rules_dump(nl, family, table, chain, &query, err);
}

int nft_chain_jumps(struct netlink *nl, int family, const char *table, const char *chain,
		    const char *target, nft_rule_fn fn, void *data, struct cni_error *err)
{
	struct rule_query query = {.jump_to = target, .fn = fn, .data = data};

	return rules_dump(nl, family, table, chain, &query, err);
}

struct set_query {
	nft_set_fn fn;
	void *data;
};

static int set_read(const struct nlmsghdr *answer, void *data)
{
	const struct set_query *query = data;
	struct nlattr *attrs[NFTA_SET_MAX + 1];

	if (!answer)
		return query->fn(NULL, query->data);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_SET_MAX, NULL) < 0 ||
	    !attrs[NFTA_SET_NAME])
		return -EBADMSG;
	return query->fn(nla_get_string(attrs[NFTA_SET_NAME]), query->data);
}

int nft_table_sets(struct netlink *nl, int family, const char *table, nft_set_fn fn,
		   void *data, struct cni_error *err)
{
	struct set_query query = {fn, data};
	struct builder b = begin_nfnl(
		nl,
		netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETSET), NLM_F_DUMP,
			      "reading the names of table %s's sets", table),
		family);
	int ret;

	put_string(b, NFTA_SET_TABLE, table);
	ret = netlink_request(nl, set_read, &query, ENOENT, err);
	return ret == NETLINK_EXPECTED ? 0 : ret;
}

static int object_read(const struct nlmsghdr *answer, void *data)
{
	*(bool *)data = answer != NULL;
	return 0;
}

int nft_exists(struct netlink *nl, int family, const char *table, const char *chain,
	       bool *ret_exists, struct cni_error *err)
{
	int type = chain ? NFT_MSG_GETCHAIN : NFT_MSG_GETTABLE;
	struct builder b = begin_nfnl(nl,
				      netlink_queue(nl, NFNL_TYPE(NFTABLES, type), 0,
						    "looking %s%s%s up", table,
						    chain ? " " : "", chain ? chain : ""),
				      family);
	bool exists = false;
	int ret;

	put_string(b, chain ? NFTA_CHAIN_TABLE : NFTA_TABLE_NAME, table);
	if (chain)
		put_string(b, NFTA_CHAIN_NAME, chain);
	ret = netlink_request(nl, object_read, &exists, ENOENT, err);
	if (ret < 0)
		return ret;
	*ret_exists = exists;
	return 0;
}
