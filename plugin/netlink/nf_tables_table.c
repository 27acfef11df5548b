/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about tables, and transactions of one message. */
#include "nf_tables_table.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>

#include "attr.h"
#include "nfnetlink.h"

static int table_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[NFTA_TABLE_MAX + 1];
	enum nft_table_state *state = data;

	*state = NFT_TABLE_NONE;
	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_TABLE_MAX, NULL) < 0 ||
	    !attrs[NFTA_TABLE_FLAGS])
		return -EBADMSG;
	*state = ntohl(get_u32(attrs[NFTA_TABLE_FLAGS])) & NFT_TABLE_F_DORMANT
			 ? NFT_TABLE_DORMANT
			 : NFT_TABLE_AWAKE;
	return 0;
}

int nft_table_look(struct netlink *nl, int family, const char *table,
		   enum nft_table_state *ret_state, struct cni_error *err)
{
	struct builder b = begin_nfnl(nl,
				      netlink_queue(nl,
						    NFNL_TYPE(NFTABLES, NFT_MSG_GETTABLE),
						    0, "looking table %s up", table),
				      family);
	enum nft_table_state state;
	int ret;

	put_string(b, NFTA_TABLE_NAME, table);
	ret = netlink_request(nl, table_read, &state, ENOENT, err);
	if (ret < 0)
		return ret;
	*ret_state = ret == NETLINK_EXPECTED ? NFT_TABLE_NONE : state;
	return 0;
}

int nft_table_wake(struct netlink *nl, int family, const char *table,
		   struct cni_error *err)
{
	struct builder b;

	queue_nftables_begin(nl);
	/* Without NLM_F_CREATE, so that a table that is gone is not made anew, empty. */
	b = begin_nfnl(nl,
		       netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_NEWTABLE), 0,
				     "waking table %s", table),
		       family);
	put_string(b, NFTA_TABLE_NAME, table);
	put_u32(b, NFTA_TABLE_FLAGS, 0);
	queue_nftables_end(nl);
	return netlink_commit_batch(nl, 0, err);
}

int nft_table_del(struct netlink *nl, int family, const char *table,
		  struct cni_error *err)
{
	struct builder b;
	int ret;

	queue_nftables_begin(nl);
	b = begin_nfnl(nl,
		       netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_DELTABLE), 0,
				     "deleting table %s", table),
		       family);
	put_string(b, NFTA_TABLE_NAME, table);
	queue_nftables_end(nl);
	ret = netlink_commit_batch(nl, ENOENT, err);
	if (ret < 0)
		return ret;
	return ret == NETLINK_EXPECTED ? 0 : 1;
}

static int generation_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[NFTA_GEN_MAX + 1];

	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_GEN_MAX, NULL) < 0 ||
	    !attrs[NFTA_GEN_ID])
		return -EBADMSG;
	*(uint32_t *)data = ntohl(get_u32(attrs[NFTA_GEN_ID]));
	return 0;
}

int nft_generation(struct netlink *nl, uint32_t *ret_generation, struct cni_error *err)
{
	uint32_t generation = 0;
	int ret;

	begin_nfnl(nl,
		   netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETGEN), 0,
				 "reading nftables' generation"),
		   AF_UNSPEC);
	ret = netlink_request(nl, generation_read, &generation, 0, err);
	if (ret < 0)
		return ret;
	*ret_generation = generation;
	return 0;
}
