/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nf_tables calls a named counter an object. */
#include "nf_tables_counters.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "nf_tables.h"
#include "nfnetlink.h"

struct counter_query {
	const char *table;
	nft_counter_fn fn;
	void *data;
};

static int counter_read(const struct nlmsghdr *answer, void *data)
{
	const struct counter_query *query = data;
	struct nlattr *attrs[NFTA_OBJ_MAX + 1], *values[NFTA_COUNTER_MAX + 1];
	char name[NFT_NAME_MAX];
	uint64_t packets;

	if (!answer)
		return query->fn(NULL, 0, query->data);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_OBJ_MAX, NULL) < 0 ||
	    !attrs[NFTA_OBJ_TABLE] || !attrs[NFTA_OBJ_NAME] || !attrs[NFTA_OBJ_TYPE] ||
	    !attrs[NFTA_OBJ_DATA])
		return -EBADMSG;
	if (nla_strcmp(attrs[NFTA_OBJ_TABLE], query->table) != 0 ||
	    ntohl(nla_get_u32(attrs[NFTA_OBJ_TYPE])) != NFT_OBJECT_COUNTER)
		return 0;
	if (nla_parse_nested(values, NFTA_COUNTER_MAX, attrs[NFTA_OBJ_DATA], NULL) < 0 ||
	    !values[NFTA_COUNTER_PACKETS] ||
	    nla_len(values[NFTA_COUNTER_PACKETS]) < (int)sizeof(packets))
		return -EBADMSG;
	memcpy(&packets, nla_data(values[NFTA_COUNTER_PACKETS]), sizeof(packets));
	nla_strlcpy(name, attrs[NFTA_OBJ_NAME], sizeof(name));
	return query->fn(name, be64toh(packets), query->data);
}

int nft_table_counters(struct netlink *nl, int family, const char *table,
		       nft_counter_fn fn, void *data, struct cni_error *err)
{
	struct counter_query query = {table, fn, data};
	struct builder b = begin_nfnl(
		nl,
		netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETOBJ), NLM_F_DUMP,
			      "reading the counters of table %s", table),
		family);
	int ret;

	put_string(b, NFTA_OBJ_TABLE, table);
	put_u32(b, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	ret = netlink_request(nl, counter_read, &query, ENOENT, err);
	return ret == NETLINK_EXPECTED ? 0 : ret;
}
