/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets and maps in the tables bridge_cni, by tables of their types. An owner
 * (identity_owner()) has one set of each type that its pods need, named PREFIX_OWNER; its
 * pods are elements in it. A type says what a key consists of, and what a map leads to;
 * from that follow the set's declaration, and each element as bytes for the kernel and as
 * text for nft. Each set has a sentinel, an element that no packet matches and that
 * nobody deletes: a set without its sentinel was flushed or deleted, and is filled again.
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_SET_TYPE_H
#define BRIDGE_CNI_PLUGIN_NFT_SET_TYPE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/base/text.h"
#include "plugin/attachment/attachment.h"
#include "plugin/netlink/nf_tables_lookup.h"

/* The parts that keys and data are concatenated of. */
enum set_part {
	SET_NOTHING, /* behind the last part */
	SET_IFNAME, /* given as a string */
	SET_MAC,
	SET_IPV4,
	SET_IPV6,
	SET_PROTOCOL, /* of IP: one byte */
	SET_PORT, /* two bytes in network order */
	SET_TARGET6, /* the address that a neighbour advertisement is about. nft 1.0 has no
		      * name for that field, so that it is of raw payload's type */
	SET_LLADDR, /* the MAC address in an option behind that target; raw in the same
		     * way */
};

#define SET_PARTS_MAX	3
#define SET_VALUE_MAX	16 /* bytes of a part */
#define SET_COMMENT_MAX 100 /* of the network's name in a comment, for people */

struct set_type {
	int family; /* of the table: NFPROTO_INET, ... */
	const char *prefix;
	enum set_part key[SET_PARTS_MAX + 1];
	enum set_part data[SET_PARTS_MAX + 1]; /* of a map; of a set nothing */
	bool interval; /* an element's key may be an interval */
	const char *content; /* "pods": the comment "pods of NETWORK"; NULL: no comment */
	uint8_t sentinel[SET_PARTS_MAX][SET_VALUE_MAX]; /* its key; its data are zeros */
};

/* Can the interface's name stand in text for nft? Others would be a pattern, or end the
 * text: they are for messages to the kernel alone. */
bool set_ifname_is_plain(const char *ifname);

/* Names the owner's set of a type. */
void set_name(const struct set_type *type, uint64_t owner, struct nft_set *ret_set);

/* The set of this name, of whichever owner. False: it is of none of these types. */
bool set_read(const struct set_type *types, size_t n, const char *name,
	      struct nft_set *ret_set);

/* Adds "add set" or "add map". */
void set_declare(const struct nft_set *set, const char *network, struct text *text);

/*
 * Makes an element of values in the order of the type's parts, each a pointer to its
 * bytes. @end: the end of the interval, inclusive; NULL: the key is no interval. @data:
 * what a map leads to; NULL in a set. @ret_element points to @set.
 */
#define SET_VALUES(...) ((const void *const[]){__VA_ARGS__})
void set_element(const struct nft_set *set, const void *const *key,
		 const void *const *end, const void *const *data,
		 struct nft_element *ret_element);

/*
 * Reads whose the element is: the name of a pod's interface on the node. It is the first
 * part of a key that begins with such a name; otherwise the comment's first word. "":
 * nobody's, as the sentinel.
 */
void set_element_pod(const struct nft_element *element, char ret_ifname[IF_NAMESIZE]);

void set_sentinel(const struct nft_set *set, struct nft_element *ret_element);

/* Adds "inet bridge_cni SET { ELEMENT }", as nft's commands have it. */
void set_element_describe(const struct nft_element *element, struct text *text);

/* Adds "add element" with what libnftables makes the same bytes of. */
void set_element_print(const struct nft_element *element, struct text *text);

/* Adds commands that give each set its sentinel, then put @elements into them. With
 * @emptied the sets are emptied first: what they have may be in the way. */
void sets_fill(const struct nft_set *sets, size_t n, bool emptied,
	       const struct nft_element_list *elements, struct text *text);

/* Does the set lack its sentinel, or isn't it there? Code 101. */
int set_is_emptied(struct netlink *nl, const struct nft_set *set, bool *ret_emptied,
		   struct cni_error *err);

/* Says what the kernel has in the place of an element that is wanted. */
enum {
	SET_ELEMENT_THERE,
	SET_ELEMENT_MISSING,
	SET_ELEMENT_DIFFERS, /* the interval ends elsewhere, or the map leads elsewhere */
};

/* Compares @wanted with the elements in the kernel, up to the first that is not there,
 * which it gives in @ret_first. Returns what is in its place; SET_ELEMENT_THERE: all are
 * there. Code 101. */
int set_elements_compare(struct attachment *att, const struct nft_element_list *wanted,
			 const struct nft_element **ret_first, struct cni_error *err);

/* Adds all of @wanted where one of them is not there. SET_ELEMENT_THERE: all were. Code
 * 101. */
int set_elements_restore(struct attachment *att, const struct nft_element_list *wanted,
			 struct cni_error *err);

#endif
