/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of pods that have portIsolation are elements of sets in the table inet
 * bridge_cni, isolated4_OWNER and isolated6_OWNER. An element's comment begins with the
 * name of the pod's interface on the node. The rules over the sets are
 * gateway_guard_rules.c's.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_ISOLATION_ELEMENTS_H
#define BRIDGE_CNI_PLUGIN_STAGE_ISOLATION_ELEMENTS_H

#include "plugin/nft/rules.h"
#include "plugin/nft/set_type.h"
#include "pod_facts.h"

extern const struct set_type isolation_set_types[IP_FAMILIES];

/* The sets of one owner (identity_owner()), in the order of ip_families. */
struct isolation_sets {
	struct nft_set sets[IP_FAMILIES];
};
void isolation_sets_name(uint64_t owner, struct isolation_sets *sets);

/* Has the sets declared before the rules, and held filled. Code 100. */
int isolation_sets_wanted(const struct network *network, struct rule_list *list,
			  struct cni_error *err);

/* Adds the elements of an isolated pod, which point to @sets. Code 100. */
int isolation_elements_make(const struct isolation_sets *sets,
			    const struct pod_facts *pod,
			    struct nft_element_list *elements, struct cni_error *err);

/* Adds those that the attachment has by its record, as far as no other pod has their
 * addresses by now. Codes 5, 11, 100. */
int isolation_elements_held(struct attachment *att, const struct isolation_sets *sets,
			    struct nft_element_list *elements, struct cni_error *err);

#endif
