/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the messages; see linux/netfilter/nf_tables.h and nf_tables_compat.h. */
#include "nf_tables_xt.h"

#include <assert.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/x_tables.h>
#include <string.h>
#include <sys/socket.h>

#include "nfnetlink.h"

#define CHAIN "try" /* without a hook: no packet comes here */

static struct builder queue_object(struct netlink *nl, int type, int flags,
				   const char *what, const char *name)
{
	return begin_nfnl(nl,
			  netlink_queue(nl, NFNL_TYPE(NFTABLES, type), flags, "%s %s",
					what, name),
			  AF_INET);
}

static void put_match(struct builder b, const char *name, const void *info, size_t len)
{
	/* Earlier kernels read as many bytes as the alignment makes them. */
	char data[NFT_XT_INFO_MAX] = {};
	struct nlattr *list = nest(b, NFTA_RULE_EXPRESSIONS);
	struct nlattr *item = nest(b, NFTA_LIST_ELEM), *expr;

	assert(XT_ALIGN(len) <= sizeof(data));
	memcpy(data, info, len);
	put_string(b, NFTA_EXPR_NAME, "match");
	expr = nest(b, NFTA_EXPR_DATA);
	put_string(b, NFTA_MATCH_NAME, name);
	put_u32(b, NFTA_MATCH_REV, 0);
	put(b, NFTA_MATCH_INFO, data, XT_ALIGN(len));
	nest_end(b, expr);
	nest_end(b, item);
	nest_end(b, list);
}

int nft_xt_match_try(struct netlink *nl, const char *table, const char *name,
		     const void *info, size_t len, struct cni_error *err)
{
	struct builder b;

	queue_nftables_begin(nl);
	b = queue_object(nl, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, "adding table",
			 table);
	put_string(b, NFTA_TABLE_NAME, table);
	b = queue_object(nl, NFT_MSG_NEWCHAIN, NLM_F_CREATE, "adding a chain to table",
			 table);
	put_string(b, NFTA_CHAIN_TABLE, table);
	put_string(b, NFTA_CHAIN_NAME, CHAIN);
	b = queue_object(nl, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
			 "adding a rule with the match", name);
	put_string(b, NFTA_RULE_TABLE, table);
	put_string(b, NFTA_RULE_CHAIN, CHAIN);
	put_match(b, name, info, len);
	b = queue_object(nl, NFT_MSG_DELTABLE, 0, "deleting table", table);
	put_string(b, NFTA_TABLE_NAME, table);
	queue_nftables_end(nl);
	return netlink_commit_batch(nl, 0, err);
}
