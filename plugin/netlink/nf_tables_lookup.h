/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for elements of nftables sets and maps, by short questions. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_LOOKUP_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_LOOKUP_H

#include "netlink.h"
#include "nf_tables_element.h"

/*
 * Looks for each of @asked by its set and key, and hands those that are there to @fn,
 * with end, data and comment as the kernel has them. However many are asked for, few
 * messages are sent. @fn returns -ENOMEM or -EBADMSG to stop. Code 101.
 */
typedef int (*nft_element_fn)(const struct nft_element *found, void *data);
int nft_elements_find(struct netlink *nl, const struct nft_element *asked, size_t n,
		      nft_element_fn fn, void *data, struct cni_error *err);

/* Hands all elements of @set to @fn. Code 101. */
int nft_set_elements(struct netlink *nl, const struct nft_set *set, nft_element_fn fn,
		     void *data, struct cni_error *err);

/* Queues the question whether there is an element of @key, to be sent along with another
 * one by netlink_request(): its function is given the element if there is one. */
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
