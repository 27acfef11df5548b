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
#include "plugin/nft/set_type.h"

#define PORTMAP_PART 4 /* bytes of a port, and of a protocol, in a concatenation */

enum {
	PORTMAP_IPV4,
	PORTMAP_IPV6,
	PORTMAP_FAMILIES
};

enum portmap_kind {
	PORTMAP_ANY, /* on all addresses of the node */
	PORTMAP_ONE, /* on one of them */
	PORTMAP_RANGE, /* ports that follow each other, on all or on one */
	PORTMAP_ONLINK,
	PORTMAP_KINDS,
};

#define PORTMAP_SETS (PORTMAP_FAMILIES * PORTMAP_KINDS)

/* The sets and maps of one owner (identity_owner()). */
struct portmap_sets {
	struct nft_set sets[PORTMAP_FAMILIES][PORTMAP_KINDS];
};
void portmap_sets_name(uint64_t owner, struct portmap_sets *sets);

/* The set or map of this name, of whichever network. False: it is none of host ports. */
bool portmap_set_read(const char *name, struct nft_set *ret_set);
enum portmap_kind portmap_set_kind(const struct nft_set *set);
int portmap_set_family(const struct nft_set *set);

/*
 * Sets of all networks together, filled by packets: addresses of the node that somebody has
 * just connected to. Only for kernels without connection labels; earlier versions had them
 * everywhere. Up to NULL.
 */
extern const char *const portmap_nodeips[PORTMAP_FAMILIES + 1];

/* Has the sets and maps declared before the rules, and held filled. Code 100. */
int portmap_sets_wanted(const struct network *network, struct rule_list *list,
			struct cni_error *err);

/* What a pod's elements follow from. */
struct portmap_pod {
	char host_ifname[IF_NAMESIZE];
	const char *label; /* pod or container ID, for people */
	const struct port_mapping_list *ports;
	bool masq_all;
	struct ip_prefix addresses[PORTMAP_FAMILIES]; /* family 0: none */
};
void portmap_pod_of_att(const struct attachment *att, struct portmap_pod *pod);
void portmap_pod_of_record(const struct record *record, struct portmap_pod *pod);
/* What its ADD has made of it so far, which it undoes; otherwise its record's, if any. */
bool portmap_pod_of(const struct attachment *att, struct portmap_pod *pod);

/* Adds all that the pod is to have to @elements. They point to @sets. Code 100. */
int portmap_elements_make(const struct portmap_sets *sets, const struct portmap_pod *pod,
			  struct nft_element_list *elements, struct cni_error *err);

/* The kind and family of an element that portmap_elements_make() made. */
enum portmap_kind portmap_kind_of(const struct nft_element *element);
int portmap_family_of(const struct nft_element *element);

/* Protocol (1 byte, then 3 of padding) and port of an element's key, as in maps of kind
 * PORTMAP_ANY. */
struct nft_value portmap_key_any(const struct nft_element *element);

/* A key that lies in whatever interval the pod's address has. */
struct nft_value portmap_key_onlink(const struct nft_element *element);

/* An address in a key, as text. */
const char *portmap_address_format(const uint8_t *bytes, int family,
				   char buf[IP_TEXT_MAX]);
#define PORTMAP_ADDRESS_TEXT(bytes, family) \
	portmap_address_format((bytes), (family), (char[IP_TEXT_MAX]){})

/* The port that a key ends in; the last of an element's; the host's address in one that is of
 * one alone, as text. */
unsigned int portmap_port_of(const struct nft_value *key);
unsigned int portmap_last_of(const struct nft_element *element);
bool portmap_is_of_one(const struct nft_element *element);
const char *portmap_host_format(const struct nft_element *element, char buf[IP_TEXT_MAX]);
#define PORTMAP_HOST_TEXT(element) portmap_host_format((element), (char[IP_TEXT_MAX]){})

/* Would the same packets be theirs? Never of kind PORTMAP_ONLINK. */
bool portmap_overlap(const struct nft_element *a, const struct nft_element *b);

/* Elements sorted by their ports, so that thousands aren't compared with thousands. It points
 * to them. -ENOMEM. */
struct portmap_index {
	struct portmap_span *spans; /* owned */
	size_t n;
};
int portmap_index_make(const struct nft_element_list *elements,
		       struct portmap_index *ret_index);
void portmap_index_clear(struct portmap_index *index);

/* Does one of them overlap with @element? */
bool portmap_index_overlaps(const struct portmap_index *index,
			    const struct nft_element *element);

/* Takes out of @elements the ports that overlap with one of @taken; a range may become
 * several. Code 100. */
int portmap_elements_except(struct nft_element_list *elements,
			    const struct nft_element_list *taken, struct cni_error *err);

/* Is it that attachment's element? */
bool portmap_is_of(const struct nft_element *element, const char *host_ifname);

#endif
