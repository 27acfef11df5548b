/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host ports are elements of maps in the table inet bridge_cni. An owner has six maps and
 * two sets, so that the rules over them stay constant in number:
 *
 *	hostports4_OWNER	protocol . host port : pod's address . its port
 *	hostips4_OWNER	protocol . host address . host port : the same
 *	hostranges4_OWNER	protocol . host addresses . host ports : pod's address, on
 *				which they are the same
 *	onlink4_OWNER		pod's address . its subnet, which it answers past the node; or,
 *				where all are masqueraded, all addresses
 *
 * and the same with a 6. The comment of an element says whose it is: the name of the
 * pod's interface on the node, which follows from the attachment's names, then the pod.
 * The kernel deletes an element of a map by its key, wherever it leads to; so we look
 * first whose it is.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_ELEMENTS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_ELEMENTS_H

#include "plugin/netlink/nf_tables.h"
#include "plugin/nft/rules.h"
#include "plugin/nft/set_type.h"
#include "pod_facts.h"

#define PORTMAP_PART NFT_PART_SIZE /* bytes of a port, and of a protocol, in a key */

/* Indexes, as in ip_families. */
enum {
	PORTMAP_IPV4,
	PORTMAP_IPV6,
	PORTMAP_FAMILIES = IP_FAMILIES
};

enum portmap_kind {
	PORTMAP_ANY, /* hostports: a port on all addresses of the node */
	PORTMAP_ONE, /* hostips: a port on one address */
	/* hostranges: ports that follow each other, on all addresses or one */
	PORTMAP_RANGE,
	PORTMAP_ONLINK, /* onlink */
	PORTMAP_KINDS,
};

#define PORTMAP_SETS (PORTMAP_FAMILIES * PORTMAP_KINDS)

extern const struct set_type portmap_set_types[PORTMAP_FAMILIES][PORTMAP_KINDS];

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
 * The names of two sets that all networks share and that packets fill: they have the
 * addresses of the node that somebody has just connected to. Only kernels without
 * connection labels need them; earlier versions had them everywhere. Up to NULL.
 */
extern const char *const portmap_nodeips[PORTMAP_FAMILIES + 1];

/* Has the sets and maps declared before the rules, and held filled. Code 100. */
int portmap_sets_wanted(const struct network *network, struct rule_list *list,
			struct cni_error *err);

/* Adds all elements that the pod is to have; they point to @sets. Code 100. */
int portmap_elements_make(const struct portmap_sets *sets, const struct pod_facts *pod,
			  struct nft_element_list *elements, struct cni_error *err);

/* The kind and family of an element that portmap_elements_make() made. */
enum portmap_kind portmap_kind_of(const struct nft_element *element);
int portmap_family_of(const struct nft_element *element);

/* The key that a map of kind PORTMAP_ANY has for an element: its protocol (1 byte, then 3
 * of padding) and its port. */
struct nft_value portmap_key_any(const struct nft_element *element);

/* A key that lies in the interval that the pod's address has, whichever that is. */
struct nft_value portmap_key_onlink(const struct nft_element *element);

/* The port that a key ends in, and the last port of an element. */
unsigned int portmap_port_of(const struct nft_value *key);
unsigned int portmap_last_of(const struct nft_element *element);

/* Is it an element of one address of the node alone? And that address, as text. */
bool portmap_is_of_one(const struct nft_element *element);
const char *portmap_host_format(const struct nft_element *element, char buf[IP_TEXT_MAX]);
#define PORTMAP_HOST_TEXT(element) portmap_host_format((element), (char[IP_TEXT_MAX]){})

/* Elements sorted by their ports, so that thousands aren't compared with thousands. It
 * points to the elements. -ENOMEM. */
struct portmap_index {
	struct portmap_span *spans; /* owned */
	size_t n;
};
int portmap_index_make(const struct nft_element_list *elements,
		       struct portmap_index *ret_index);
void portmap_index_clear(struct portmap_index *index);

/* Does one of its elements overlap with @element? */
bool portmap_index_overlaps(const struct portmap_index *index,
			    const struct nft_element *element);

/* Takes out of @elements the ports that overlap with one of @others; a range may become
 * several. Code 100. */
int portmap_elements_except(struct nft_element_list *elements,
			    const struct nft_element_list *others, struct cni_error *err);

/* Is it the element of the attachment whose interface on the node has this name? */
bool portmap_is_of(const struct nft_element *element, const char *host_ifname);

#endif
