/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adds and deletes single elements by nfnetlink transactions of our own: one a pod,
 * whatever the node's ruleset weighs. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TRANSACTION_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TRANSACTION_H

#include "netlink.h"
#include "nf_tables_element.h"

/*
 * Adds all or none. An element that is there already, with the same data, is success.
 * -EEXIST or -EBUSY: one is there with other data, or an interval that overlaps (code
 * 101). -EAGAIN: a set or table isn't there, as somebody has flushed it meanwhile (code
 * 11).
 * @nl: a NETLINK_FOR_NFTABLES connection.
 */
int nft_elements_add(struct netlink *nl, const struct nft_element *elements, size_t n,
		     struct cni_error *err);

/* The same for elements that are not there yet; NFT_ELEMENT_EXISTS where one is. */
int nft_elements_add_new(struct netlink *nl, const struct nft_element *elements, size_t n,
			 struct cni_error *err);

/*
 * Deletes each element by its key (and end). Elements that aren't there, as their set or
 * table may not be, are no error. In a map an element is deleted whatever its data are by
 * now. Closing the connection waits for the kernel afterwards, so close it last. Code
 * 101.
 */
int nft_elements_del(struct netlink *nl, const struct nft_element *elements, size_t n,
		     struct cni_error *err);

/* Deletes @old in the same way, and adds @new in the same transaction. NFT_NO_ELEMENT: a
 * set is gone, or the kernel's elements change all the time. */
int nft_elements_replace(struct netlink *nl, const struct nft_element_list *old,
			 const struct nft_element_list *new, struct cni_error *err);

/*
 * A transaction that is put together from pieces, for elements that are too many to be in
 * one list: begin, then any number of the two in the middle, then the commit, which is all
 * or nothing. Between them nothing else is queued on @nl. What is deleted first may be
 * added anew, and an interval may take the place of one that overlaps it. Elements are
 * copied; each piece is a message at least. Not one element is no transaction: begin and
 * commit want at least one.
 */
void nft_transaction_begin(struct netlink *nl);
void nft_transaction_del(struct netlink *nl, const struct nft_element *elements,
			 size_t n);
void nft_transaction_add(struct netlink *nl, const struct nft_element *elements,
			 size_t n);
/* Returns NETLINK_EXPECTED, with @err left alone, where the errno is @expected: of an
 * element or a set that is not there it is ENOENT. Code 101. */
int nft_transaction_commit(struct netlink *nl, int expected, struct cni_error *err);

/* Deletes a set. NFT_NO_SET: there is none. -EBUSY: a rule looks into it (code 101). */
int nft_set_del(struct netlink *nl, const struct nft_set *set, struct cni_error *err);

#endif
