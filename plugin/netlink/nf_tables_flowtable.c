/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and deletes flowtables. They are made by nft's text, with the rules. */
#include "nf_tables_flowtable.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "nfnetlink.h"

/* The function that is given the devices. */
struct reader {
	nft_device_fn fn;
	void *data;
};

static int devices_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[NFTA_FLOWTABLE_MAX + 1], *hook[NFTA_FLOWTABLE_HOOK_MAX + 1];
	const struct reader *reader = data;
	struct nlattr *item;
	int left, ret = 0;

	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_FLOWTABLE_MAX, NULL) < 0 ||
	    !attrs[NFTA_FLOWTABLE_HOOK] ||
	    nla_parse_nested(hook, NFTA_FLOWTABLE_HOOK_MAX, attrs[NFTA_FLOWTABLE_HOOK],
			     NULL) < 0)
		return -EBADMSG;
	if (!hook[NFTA_FLOWTABLE_HOOK_DEVS])
		return 0;
	nla_for_each_nested(item, hook[NFTA_FLOWTABLE_HOOK_DEVS], left)
		if (ret == 0 && nla_type(item) == NFTA_DEVICE_NAME)
			ret = reader->fn(nla_get_string(item), reader->data);
	return ret;
}

int nft_flowtable_devices(struct netlink *nl, int family, const char *table,
			  const char *flowtable, nft_device_fn fn, void *data,
			  struct cni_error *err)
{
	struct reader reader = {fn, data};
	struct builder b = begin_nfnl(
		nl,
		netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETFLOWTABLE), 0,
			      "reading flowtable %s in table %s", flowtable, table),
		family);
	int ret;

	put_string(b, NFTA_FLOWTABLE_TABLE, table);
	put_string(b, NFTA_FLOWTABLE_NAME, flowtable);
	ret = netlink_request(nl, devices_read, &reader, ENOENT, err);
	return ret == NETLINK_EXPECTED ? NFT_NO_FLOWTABLE : ret;
}

int nft_flowtable_del(struct netlink *nl, int family, const char *table,
		      const char *flowtable, struct cni_error *err)
{
	struct builder b;
	int ret;

	queue_nftables_begin(nl);
	b = begin_nfnl(nl,
		       netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_DELFLOWTABLE), 0,
				     "deleting flowtable %s in table %s", flowtable,
				     table),
		       family);
	put_string(b, NFTA_FLOWTABLE_TABLE, table);
	put_string(b, NFTA_FLOWTABLE_NAME, flowtable);
	queue_nftables_end(nl);
	ret = netlink_commit_batch(nl, ENOENT, err);
	return ret == NETLINK_EXPECTED ? NFT_NO_FLOWTABLE : ret;
}
