/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses that a pod may send from are elements of sets in the table bridge
 * bridge_cni. An owner has seven sets; the keys begin with the name of the pod's
 * interface on the node. The rules over the sets are spoofcheck_rules.c's.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_SPOOFCHECK_ELEMENTS_H
#define BRIDGE_CNI_PLUGIN_STAGE_SPOOFCHECK_ELEMENTS_H

#include "plugin/nft/rules.h"
#include "plugin/nft/set_type.h"
#include "pod_facts.h"

#define SPOOF_NOBODY "/" /* the sentinels' name, which no interface can have */

enum spoof_set {
	SPOOF_MAC_PORTS, /* ports whose MAC address is looked at */
	SPOOF_IP_PORTS, /* and whose other addresses are, too */
	SPOOF_MACS, /* port . MAC address */
	SPOOF_SRC4, /* port . MAC address . address */
	SPOOF_SRC6,
	SPOOF_TARGETS6, /* port . address, as neighbour discovery has it */
	SPOOF_LLADDRS, /* port . MAC address, as an option of neighbour discovery has it */
	SPOOF_SETS,

	/* The former version's, port . address. They go with its rules. */
	SPOOF_IPS4 = SPOOF_SETS,
	SPOOF_IPS6,
	SPOOF_SETS_EVER,
};

extern const struct set_type spoof_set_types[SPOOF_SETS_EVER];

/* The sets of one owner (identity_owner()). */
struct spoof_sets {
	struct nft_set sets[SPOOF_SETS_EVER];
};
void spoof_sets_name(uint64_t owner, struct spoof_sets *sets);

/* Has the sets declared and filled where the rules are written, and looked for with them.
 * Code 100. */
int spoof_sets_wanted(const struct spoof_sets *sets, struct rule_list *list,
		      struct cni_error *err);

/*
 * Adds the elements of a pod that is checked, which point to @sets. @unless_told: is it
 * spoofCheck, where the pod's record doesn't tell? Code 100.
 */
int spoof_elements_make(const struct spoof_sets *sets, const struct pod_facts *pod,
			bool unless_told, struct nft_element_list *elements,
			struct cni_error *err);

/* Adds, for a DEL, the elements that the pod has in the former version's sets, if its
 * rules have not been replaced since. Code 100. */
int spoof_elements_former(const struct spoof_sets *sets, const struct pod_facts *pod,
			  struct nft_element_list *elements, struct cni_error *err);

#endif
