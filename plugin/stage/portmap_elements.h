/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host ports as elements of maps in the table inet bridge_cni, six maps and two sets
 * an owner, so that the rules over them stay constant in number:
 *
 *	hostports4_OWNER	protocol . host port : pod's address . its port
 *	hostips4_OWNER	protocol . host address . host port : the same
 *	hostranges4_OWNER	protocol . host addresses . host ports : pod's address, on
 *				which they are the same
 *	onlink4_OWNER		pod's address . its subnet, which it answers past the node; or,
 *				where all are masqueraded, all addresses
 *
 * and the same with a 6. Each element says in its comment whose it is: the name of the host's
 * interface, which follows from the identity, then the pod. Deleting an element of a map
 * takes no look at its value, so it is looked at before.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_ELEMENTS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_ELEMENTS_H

#include "ipam/store/record.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/nft/rules.h"

#define HOSTPORT_SET_NAME_MAX 32
#define HOSTPORT_PART	      4 /* bytes of a port, and of a protocol, in a concatenation */

enum {
	HOSTPORT_IPV4,
	HOSTPORT_IPV6,
	HOSTPORT_FAMILIES
};

enum hostport_kind {
	HOSTPORT_ANY, /* on all addresses of the node */
	HOSTPORT_ONE, /* on one of them */
	HOSTPORT_RANGE, /* ports that follow each other, on all or on one */
	HOSTPORT_ONLINK,
	HOSTPORT_KINDS,
};

/* The sets and maps of one owner (identity_owner()). */
struct hostport_sets {
	char names[HOSTPORT_FAMILIES][HOSTPORT_KINDS][HOSTPORT_SET_NAME_MAX];
	struct nft_set sets[HOSTPORT_FAMILIES][HOSTPORT_KINDS];
};
void hostport_sets_name(uint64_t owner, struct hostport_sets *sets);

/* Which kind and family of set, of whichever network, has this name? False: none of ours. */
bool hostport_set_read(const char *name, int *ret_family, enum hostport_kind *ret_kind);

/*
 * Sets of all networks together, filled by packets: addresses of the node that somebody has
 * just connected to. Only for kernels without connection labels; earlier versions had them
 * everywhere. Up to NULL.
 */
extern const char *const hostport_nodeips[HOSTPORT_FAMILIES + 1];

/* One element of each set, of nothing that a packet could have. */
#define HOSTPORT_SENTINELS (HOSTPORT_FAMILIES * HOSTPORT_KINDS)
void hostport_sentinels_make(const struct hostport_sets *sets,
			     struct nft_element elements[HOSTPORT_SENTINELS]);

/* "add map ..." lines, and what holds them filled. */
int hostport_sets_wanted(const struct net_conf *conf, struct rule_list *list,
			 struct cni_error *err);

/* What a pod's elements follow from. */
struct hostport_pod {
	char host_ifname[IF_NAMESIZE];
	const char *label; /* pod or container ID, for people */
	const struct port_mapping_list *ports;
	bool masq_all;
	struct ip_prefix addresses[HOSTPORT_FAMILIES]; /* family 0: none */
};
void hostport_pod_of_att(const struct attachment *att, struct hostport_pod *pod);
void hostport_pod_of_record(const struct record *record, struct hostport_pod *pod);
/* What its ADD has made of it so far, which it undoes; otherwise its record's, if any. */
bool hostport_pod_of(const struct attachment *att, struct hostport_pod *pod);

/* Adds all that the pod is to have to @elements. They point to @sets. Code 100. */
int hostport_elements_make(const struct hostport_sets *sets,
			   const struct hostport_pod *pod,
			   struct nft_element_list *elements, struct cni_error *err);

/* The kind and family of an element that hostport_elements_make() made. */
enum hostport_kind hostport_kind_of(const struct nft_element *element);
int hostport_family_of(const struct nft_element *element);

/* Protocol (1 byte, then 3 of padding) and port of an element's key, as in maps of kind
 * HOSTPORT_ANY. */
struct nft_value hostport_key_any(const struct nft_element *element);

/* A key that lies in whatever interval the pod's address has. */
struct nft_value hostport_key_onlink(const struct nft_element *element);

/* An address in a key, as text. */
const char *hostport_address_format(const uint8_t *bytes, int family,
				    char buf[IP_TEXT_MAX]);
#define HOSTPORT_ADDRESS_TEXT(bytes, family) \
	hostport_address_format((bytes), (family), (char[IP_TEXT_MAX]){})

/* The port that a key ends in; the last of an element's; the host's address in one that is of
 * one alone, as text. */
unsigned int hostport_port_of(const struct nft_value *key);
unsigned int hostport_last_of(const struct nft_element *element);
bool hostport_is_of_one(const struct nft_element *element);
const char *hostport_host_format(const struct nft_element *element,
				 char buf[IP_TEXT_MAX]);
#define HOSTPORT_HOST_TEXT(element) hostport_host_format((element), (char[IP_TEXT_MAX]){})

/* Would the same packets be theirs? Never of kind HOSTPORT_ONLINK. */
bool hostport_overlap(const struct nft_element *a, const struct nft_element *b);

/* Elements sorted by their ports, so that thousands aren't compared with thousands. It points
 * to them. -ENOMEM. */
struct hostport_index {
	struct hostport_span *spans; /* owned */
	size_t n;
};
int hostport_index_make(const struct nft_element_list *elements,
			struct hostport_index *ret_index);
void hostport_index_clear(struct hostport_index *index);

/* Does one of them overlap with @element? */
bool hostport_index_overlaps(const struct hostport_index *index,
			     const struct nft_element *element);

/* Takes out of @elements the ports that overlap with one of @taken; a range may become
 * several. Code 100. */
int hostport_elements_except(struct nft_element_list *elements,
			     const struct nft_element_list *taken, struct cni_error *err);

/* Is it that attachment's element? */
bool hostport_is_of(const struct nft_element *element, const char *host_ifname);

#endif
