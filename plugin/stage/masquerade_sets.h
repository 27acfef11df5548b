/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sets of pods that are masqueraded one by one: a delegated IPAM plugin has given
 * them their addresses, which are in no ranges of ours, or they are of a time when the
 * configuration was another (masquerade_apart.h). An owner has two sets a family, so that
 * the rules over them stay constant in number:
 *
 *	pods4_OWNER	the pods' addresses
 *	own4_OWNER	address . subnet: destinations that see the pod's own address. All
 *			destinations do where a pod in the sets is not masqueraded.
 *
 * and the same with a 6.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_SETS_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_SETS_H

#include "plugin/nft/rules.h"
#include "plugin/nft/set_type.h"

enum {
	MASQUERADE_PODS,
	MASQUERADE_OWN,
	MASQUERADE_KINDS,
};

/* Indexes, as in ip_families. */
enum {
	MASQUERADE_IPV4,
	MASQUERADE_IPV6,
	MASQUERADE_FAMILIES = IP_FAMILIES,
};

/* The sets of one owner. */
struct masquerade_sets {
	struct nft_set sets[MASQUERADE_FAMILIES][MASQUERADE_KINDS];
};
void masquerade_sets_name(uint64_t owner, struct masquerade_sets *sets);

/*
 * Adds the two elements of an address, of the sets MASQUERADE_PODS and MASQUERADE_OWN in
 * that order, which point to @sets. A pod that is not @masqueraded shows its address to
 * all destinations. Code 100.
 */
int masquerade_elements_add(const struct masquerade_sets *sets,
			    const struct ip_prefix *address, bool masqueraded,
			    struct nft_element_list *elements, struct cni_error *err);

/* Adds "ip saddr @pods ip saddr . ip daddr != @own". @family: AF_INET, ... */
void masquerade_sets_match(uint64_t owner, int family, struct text *text);

/* Adds "ip saddr . ip daddr @own ip daddr . ip saddr @own": from one pod to another, each
 * of which shows the other its own address. One direction alone doesn't tell that they
 * have one subnet, as a pod that isn't masqueraded shows its address to everybody. */
void masquerade_sets_match_own(uint64_t owner, int family, struct text *text);

/* Adds " ip saddr != @pods". */
void masquerade_sets_exclude(uint64_t owner, int family, struct text *text);

/* Addresses that the sets are to have. */
struct masquerade_pods {
	struct masquerade_pod {
		struct ip_prefix address;
		bool masqueraded;
	} * items;
	size_t n;
};
void masquerade_pods_clear(struct masquerade_pods *pods);
int masquerade_pods_note(struct masquerade_pods *pods, const struct ip_prefix *address,
			 bool masqueraded, struct cni_error *err);
bool masquerade_pods_have(const struct masquerade_pods *pods, const struct ip_addr *addr);

/* Has the sets of the owner looked at whenever the rules are: were they emptied? Code
 * 100. */
int masquerade_sets_watch(uint64_t owner, struct rule_list *list, struct cni_error *err);

/* Has the network's sets declared, and emptied and filled with @pods, before the rules of
 * @list. Code 100. */
int masquerade_sets_fill(const struct network *network,
			 const struct masquerade_pods *pods, struct rule_list *list,
			 struct cni_error *err);

#endif
