/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about elements, many in one send. */
#include "nf_tables_lookup.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "nf_tables_message.h"
#include "nfnetlink.h"

#define ASKED_AT_ONCE 64 /* what a socket has room for, if all are answered */

/* A search: the questions, and who is given the answers. */
struct search {
	const struct nft_element *asked; /* the elements found are in their sets */
	size_t n;
	nft_element_fn fn;
	void *data;
};

static const struct nft_set *set_of(const struct search *search, struct nlattr *name)
{
	for (size_t i = 0; name && i < search->n; i++)
		if (nla_strcmp(name, search->asked[i].set->name) == 0)
			return search->asked[i].set;
	return NULL;
}

static int elements_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *list[NFTA_SET_ELEM_LIST_MAX + 1], *item;
	const struct search *search = data;
	struct nft_element found = {};
	int left, ret = 0;

	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), list,
			NFTA_SET_ELEM_LIST_MAX, NULL) < 0)
		return -EBADMSG;
	found.set = set_of(search, list[NFTA_SET_ELEM_LIST_SET]);
	if (!found.set || !list[NFTA_SET_ELEM_LIST_ELEMENTS])
		return -EBADMSG;
	nla_for_each_nested(item, list[NFTA_SET_ELEM_LIST_ELEMENTS], left) {
		if (ret == 0)
			ret = nft_element_read(item, &found);
		if (ret == 0)
			ret = search->fn(&found, search->data);
	}
	return ret;
}

/* Sends the queue as one request. */
static int search_run(struct netlink *nl, struct search *search, struct cni_error *err)
{
	int ret = netlink_request(nl, elements_read, search, ENOENT, err);

	return ret == NETLINK_EXPECTED ? 0 : ret;
}

int nft_elements_find(struct netlink *nl, const struct nft_element *asked, size_t n,
		      nft_element_fn fn, void *data, struct cni_error *err)
{
	int ret = 0;

	for (size_t from = 0; ret == 0 && from < n; from += ASKED_AT_ONCE) {
		struct search search = {asked + from, n - from, fn, data};

		if (search.n > ASKED_AT_ONCE)
			search.n = ASKED_AT_ONCE;
		for (size_t i = 0; i < search.n; i++)
			nft_element_ask(nl, search.asked[i].set, &search.asked[i].key);
		ret = search_run(nl, &search, err);
	}
	return ret;
}

int nft_set_elements(struct netlink *nl, const struct nft_set *set, nft_element_fn fn,
		     void *data, struct cni_error *err)
{
	struct nft_element any = {.set = set};
	struct search search = {&any, 1, fn, data};
	struct builder b = begin_nfnl(
		nl,
		netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETSETELEM), NLM_F_DUMP,
			      "reading set %s in table %s", set->name, set->table),
		set->family);

	put_string(b, NFTA_SET_ELEM_LIST_TABLE, set->table);
	put_string(b, NFTA_SET_ELEM_LIST_SET, set->name);
	return search_run(nl, &search, err);
}

static int element_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *list[NFTA_SET_ELEM_LIST_MAX + 1];

	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), list,
			NFTA_SET_ELEM_LIST_MAX, NULL) < 0 ||
	    !list[NFTA_SET_ELEM_LIST_ELEMENTS] ||
	    nla_len(list[NFTA_SET_ELEM_LIST_ELEMENTS]) < NLA_HDRLEN)
		return -EBADMSG;
	return nft_element_read(nla_data(list[NFTA_SET_ELEM_LIST_ELEMENTS]), data);
}

void nft_element_ask(struct netlink *nl, const struct nft_set *set,
		     const struct nft_value *key)
{
	struct nft_element element = {.set = set, .key = *key};
	struct builder b =
		begin_nfnl(nl,
			   netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETSETELEM), 0,
					 "looking an element of set %s in table %s up",
					 set->name, set->table),
			   set->family);
	size_t one;

	put_elements(b, &element, 1, &one);
}

int nft_element_get(struct netlink *nl, const struct nft_set *set,
		    const struct nft_value *key, struct nft_element *ret_element,
		    struct cni_error *err)
{
	struct nft_element element = {.set = set, .key = *key};
	int ret;

	nft_element_ask(nl, set, key);
	ret = netlink_request(nl, element_read, &element, ENOENT, err);
	if (ret != 0)
		return ret == NETLINK_EXPECTED ? NFT_NO_ELEMENT : ret;
	if (element.key.len == 0)
		return error_set(err, CNI_ERR_KERNEL, EBADMSG,
				 "an element of set %s in table %s can't be read",
				 set->name, set->table);
	*ret_element = element;
	return 0;
}
