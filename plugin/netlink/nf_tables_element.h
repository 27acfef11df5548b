/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements of nftables sets and maps. nf_tables_lookup.h looks for them in the kernel,
 * nf_tables_transaction.h adds and deletes them; the sets themselves, and the rules that
 * look into them, are written by nft_apply().
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_ELEMENT_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NFT_COMMENT_MAX 129 /* nft's own limit, with the NUL */

#define NFT_PART_SIZE 4 /* bytes; each part of a concatenation is padded to a multiple */
#define NFT_VALUE_MAX 64 /* the kernel's NFT_DATA_VALUE_MAXLEN */

#define NFT_SET_NAME_MAX 32 /* of sets whose elements are looked at, with the NUL */

/* A set or a map. */
struct set_type;
struct nft_set {
	int family; /* NFPROTO_INET, … */
	const char *table;
	char name[NFT_SET_NAME_MAX];
	/* The parts of its elements (plugin/nft/set_type.h). Messages don't need it. */
	const struct set_type *type;
};

/* The bytes of a key, or of data, as the set's type has them, in network order. */
struct nft_value {
	uint8_t bytes[NFT_VALUE_MAX];
	size_t len; /* 0: there is none */
};

/* Adds a part of a concatenation to a value, and padding. A value that is no
 * concatenation is added in one part. */
void nft_value_add_part(struct nft_value *value, const void *bytes, size_t len);

struct nft_element {
	const struct nft_set *set;
	struct nft_value key;
	struct nft_value end; /* of the interval, inclusive; in concatenated sets only */
	struct nft_value data; /* in maps */
	char comment[NFT_COMMENT_MAX]; /* for people: nft shows it; "": none */
	uint64_t packets; /* read: that matched it, in sets that count; else 0 */
	/* An earlier version may have made it: it is deleted only where others that are
	 * deleted with it turn out to be missing. */
	bool maybe;
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

/* Makes room for @more elements, of zeros, behind the last one. -ENOMEM. */
int nft_element_list_grow(struct nft_element_list *list, size_t more);

/* Copies an element to the end. -ENOMEM. */
int nft_element_list_add(struct nft_element_list *list,
			 const struct nft_element *element);

/* Copies all elements of @more to the end, or none. -ENOMEM. */
int nft_element_list_append(struct nft_element_list *list,
			    const struct nft_element_list *more);

#endif
