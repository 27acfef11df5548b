/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for elements of nftables sets and maps, by short questions. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_LOOKUP_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_LOOKUP_H

#include "netlink.h"
#include "nf_tables_element.h"

/*
 * Hands each of @asked that is there, by its key, to @fn: with end, data and comment as the
 * kernel has them, and the set that it was asked for. Few sends, however many are asked for.
 * @fn returns < 0 to stop, with -ENOMEM or -EBADMSG.
 */
typedef int (*nft_element_fn)(const struct nft_element *found, void *data);
int nft_elements_find(struct netlink *nl, const struct nft_element *asked, size_t n,
		      nft_element_fn fn, void *data, struct cni_error *err);

/* The same with all elements of @set. */
int nft_set_elements(struct netlink *nl, const struct nft_set *set, nft_element_fn fn,
		     void *data, struct cni_error *err);

/* Queues the question whether there is an element of @key: for a netlink_request() that it
 * goes along with, which gets the element where there is one. */
void nft_element_ask(struct netlink *nl, const struct nft_set *set,
		     const struct nft_value *key);

/*
 * Finds the element that @key is the key of, or lies in, and gives its key, end, data and
 * comment in @ret_element. NFT_NO_ELEMENT: there is none. Code 101.
 */
int nft_element_get(struct netlink *nl, const struct nft_set *set,
		    const struct nft_value *key, struct nft_element *ret_element,
		    struct cni_error *err);

#endif
