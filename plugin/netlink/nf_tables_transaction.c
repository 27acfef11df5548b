/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transactions of nfnetlink: all elements are added or deleted, or none. */
#include "nf_tables_transaction.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>

#include "nf_tables_lookup.h"
#include "nf_tables_message.h"
#include "nfnetlink.h"

static void queue_elements(struct netlink *nl, int type, int flags,
			   const struct nft_element *elements, size_t n)
{
	const char *what = type == NFT_MSG_NEWSETELEM ? "adding" : "deleting";
	size_t n_put = 1;

	for (size_t i = 0; i < n; i += n_put) {
		const struct nft_set *set = elements[i].set;
		struct builder b;

		if (elements[i].maybe) {
			n_put = 1;
			continue;
		}
		b = begin_nfnl(nl,
			       netlink_queue(nl, NFNL_TYPE(NFTABLES, type), flags,
					     "%s an element of set %s in table %s", what,
					     set->name, set->table),
			       set->family);
		put_elements(b, &elements[i], n - i, &n_put);
	}
}

void nft_transaction_begin(struct netlink *nl)
{
	queue_nftables_begin(nl);
}

void nft_transaction_del(struct netlink *nl, const struct nft_element *elements, size_t n)
{
	queue_elements(nl, NFT_MSG_DELSETELEM, 0, elements, n);
}

void nft_transaction_add(struct netlink *nl, const struct nft_element *elements, size_t n)
{
	queue_elements(nl, NFT_MSG_NEWSETELEM, NLM_F_CREATE, elements, n);
}

int nft_transaction_commit(struct netlink *nl, int expected, struct cni_error *err)
{
	queue_nftables_end(nl);
	return netlink_commit_batch(nl, expected, err);
}

/* Sends all @n elements in one transaction. */
static int transact(struct netlink *nl, int type, int flags,
		    const struct nft_element *elements, size_t n, int expected,
		    struct cni_error *err)
{
	if (n == 0)
		return 0;
	nft_transaction_begin(nl);
	queue_elements(nl, type, flags, elements, n);
	return nft_transaction_commit(nl, expected, err);
}

int nft_set_del(struct netlink *nl, const struct nft_set *set, struct cni_error *err)
{
	struct builder b;
	int ret;

	queue_nftables_begin(nl);
	b = begin_nfnl(nl,
		       netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_DELSET), 0,
				     "deleting set %s in table %s", set->name,
				     set->table),
		       set->family);
	put_string(b, NFTA_SET_TABLE, set->table);
	put_string(b, NFTA_SET_NAME, set->name);
	queue_nftables_end(nl);
	ret = netlink_commit_batch(nl, ENOENT, err);
	return ret == NETLINK_EXPECTED ? NFT_NO_SET : ret;
}

/* A caller that adds to a set has found the set, or made it: if it isn't there, somebody
 * has deleted it meanwhile. */
static int blame_flush(int ret, struct cni_error *err)
{
	if (ret != -ENOENT)
		return ret;
	error_recode(err, CNI_ERR_TRY_AGAIN);
	error_wrap(err, "somebody flushed or deleted the rules meanwhile");
	return -EAGAIN;
}

int nft_elements_add(struct netlink *nl, const struct nft_element *elements, size_t n,
		     struct cni_error *err)
{
	return blame_flush(
		transact(nl, NFT_MSG_NEWSETELEM, NLM_F_CREATE, elements, n, 0, err), err);
}

int nft_elements_add_new(struct netlink *nl, const struct nft_element *elements, size_t n,
			 struct cni_error *err)
{
	int ret = transact(nl, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, elements, n,
			   EEXIST, err);

	return ret == NETLINK_EXPECTED ? NFT_ELEMENT_EXISTS : blame_flush(ret, err);
}

static int replace_once(struct netlink *nl, const struct nft_element_list *old,
			const struct nft_element_list *new, struct cni_error *err)
{
	nft_transaction_begin(nl);
	nft_transaction_del(nl, old->items, old->n);
	nft_transaction_add(nl, new->items, new->n);
	return nft_transaction_commit(nl, ENOENT, err);
}

static int present_note(const struct nft_element *found, void *data)
{
	return nft_element_list_add(data, found);
}

int nft_elements_del(struct netlink *nl, const struct nft_element *elements, size_t n,
		     struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list present = {};
	int ret = transact(nl, NFT_MSG_DELSETELEM, 0, elements, n, ENOENT, err);

	if (ret != NETLINK_EXPECTED || n == 1)
		return ret == NETLINK_EXPECTED ? 0 : ret;
	/* Nothing was deleted: delete those that are there, still in one transaction. */
	ret = nft_elements_find(nl, elements, n, present_note, &present, err);
	if (ret == 0)
		ret = transact(nl, NFT_MSG_DELSETELEM, 0, present.items, present.n,
			       ENOENT, err);
	if (ret != NETLINK_EXPECTED)
		return ret;
	/* Somebody else deletes them, too: delete each by itself. */
	for (size_t i = 0; i < n && ret >= 0; i++) {
		struct nft_element one = elements[i];

		one.maybe = false;
		ret = transact(nl, NFT_MSG_DELSETELEM, 0, &one, 1, ENOENT, err);
	}
	return ret == NETLINK_EXPECTED ? 0 : ret;
}

int nft_elements_replace(struct netlink *nl, const struct nft_element_list *old,
			 const struct nft_element_list *new, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list present = {};
	int ret;

	if (new->n == 0)
		return nft_elements_del(nl, old->items, old->n, err);
	ret = replace_once(nl, old, new, err);
	if (ret != NETLINK_EXPECTED)
		return ret;
	ret = nft_elements_find(nl, old->items, old->n, present_note, &present, err);
	if (ret == 0)
		ret = replace_once(nl, &present, new, err);
	return ret == NETLINK_EXPECTED ? NFT_NO_ELEMENT : ret;
}
