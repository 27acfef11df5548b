/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single elements of nftables sets and maps, by nfnetlink transactions of our own: one a
 * pod, whatever the node's ruleset weighs. The sets themselves, and the rules that look
 * into them, are written by nft_apply().
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_ELEMENT_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_ELEMENT_H

#include <stdint.h>

#include "netlink.h"

#define NFT_COMMENT_MAX 129 /* nft's own limit, with the NUL */

#define NFT_VALUE_MAX 64 /* the kernel's NFT_DATA_VALUE_MAXLEN */

#define NFT_SET_NAME_MAX 32 /* of sets whose elements are looked at, with the NUL */

/* A set or a map. */
struct set_type;
struct nft_set {
	int family; /* NFPROTO_INET, … */
	const char *table;
	char name[NFT_SET_NAME_MAX];
	/* What its elements consist of (plugin/nft/set_type.h). Messages don't need it. */
	const struct set_type *type;
};

/* Bytes as the set's type has them, in network order. */
struct nft_value {
	uint8_t bytes[NFT_VALUE_MAX];
	size_t len; /* 0: there is none */
};

/* A part of a concatenation, which is padded; a value that is none is set as it is. */
void nft_value_add_part(struct nft_value *value, const void *bytes, size_t len);

struct nft_element {
	const struct nft_set *set;
	struct nft_value key;
	struct nft_value end; /* of the interval, inclusive; in concatenated sets only */
	struct nft_value data; /* in maps */
	char comment[NFT_COMMENT_MAX]; /* for people: nft shows it; "": none */
};

/* Outcomes that are no errors: @err is not set with them. */
enum nft_outcome {
	NFT_NO_ELEMENT = 1, /* nor any, where its set or table isn't there */
	NFT_NO_SET,
	NFT_ELEMENT_EXISTS,
};

struct nft_element_list {
	struct nft_element *items;
	size_t n;
};
void nft_element_list_clear(struct nft_element_list *list);

/* Makes room for @more, empty, behind the last. -ENOMEM. */
int nft_element_list_grow(struct nft_element_list *list, size_t more);

/* Copies one to the end. -ENOMEM. */
int nft_element_list_add(struct nft_element_list *list,
			 const struct nft_element *element);

/*
 * Adds all or none. An element that is there already, with the same data, is success. -EEXIST
 * or -EBUSY: one is there with other data, or an interval that overlaps (code 101). -EAGAIN:
 * a set or table isn't there, as somebody has flushed it meanwhile (code 11).
 * @nl: a NETLINK_FOR_NFTABLES connection.
 */
int nft_elements_add(struct netlink *nl, const struct nft_element *elements, size_t n,
		     struct cni_error *err);

/* The same for elements that are not there yet; NFT_ELEMENT_EXISTS where one is. */
int nft_elements_add_new(struct netlink *nl, const struct nft_element *elements, size_t n,
			 struct cni_error *err);

/*
 * Deletes each, by its key (and end); those that aren't there, set and table included, are
 * deleted already. In a map that is whoever's the key now is. The connection's closing then
 * waits for the kernel, so close it last.
 */
int nft_elements_del(struct netlink *nl, const struct nft_element *elements, size_t n,
		     struct cni_error *err);

/* Deletes @old in the same way, and adds @new in the same transaction. NFT_NO_ELEMENT: a set
 * is gone, or the kernel's elements change all the time. */
int nft_elements_replace(struct netlink *nl, const struct nft_element_list *old,
			 const struct nft_element_list *new, struct cni_error *err);

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

/* Deletes a set. NFT_NO_SET: there is none. -EBUSY: a rule looks into it (code 101). */
int nft_set_del(struct netlink *nl, const struct nft_set *set, struct cni_error *err);

/* The comment among an object's user data; "" without one. */
struct nlattr;
void nft_comment_read(const struct nlattr *userdata, char ret_comment[NFT_COMMENT_MAX]);

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
