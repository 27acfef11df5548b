/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pods that are masqueraded one by one, because their addresses are no ranges of ours
 * (a delegated IPAM), or because they are of a time when the configuration was another
 * (masquerade_apart.h): elements of two sets an owner and family, so that the rules over them
 * stay constant in number.
 *
 *	pods4_OWNER	addresses
 *	own4_OWNER	address . subnet: destinations that see the pod's own address; all,
 *			of one that is not masqueraded among those that are
 *
 * Those of a delegated IPAM are the attachment's, named by its record, which ipam_delegated.c
 * writes; so its del is where they go: also where an ADD fails that never came as far as the
 * rules, but whose elements another one put back. Those of the in-process IPAM's pods are
 * told of by their records, too; what another program's DEL left, the ADD of the next pod with
 * that address deletes.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_PODS_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_PODS_H

#include "plugin/nft/rules.h"

/* "ip saddr @pods ip saddr . ip daddr != @own" */
void masquerade_pods_match(uint64_t owner, int family, struct text *text);

/* " ip saddr != @pods" */
void masquerade_pods_exclude(uint64_t owner, int family, struct text *text);

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

/* Gives @list the sentinels of both families' sets: elements that are there while nobody has
 * emptied the sets. */
int masquerade_pods_sentinels(uint64_t owner, struct rule_list *list,
			      struct cni_error *err);

/* "add set", and commands that make @pods, and the sentinels, all that is in them. */
int masquerade_pods_sets(const struct network *network,
			 const struct masquerade_pods *pods, struct rule_list *list,
			 struct cni_error *err);

/* Adds the elements of @att->ipam's addresses, all or none; the sets must be there. */
int masquerade_pods_add(struct attachment *att, struct cni_error *err);

/* Deletes what a former owner of one of @att->ipam's addresses left. > 0: the sets were
 * emptied. */
int masquerade_pods_part(struct attachment *att, struct cni_error *err);

/* Code 104 naming the address whose element isn't there. */
int masquerade_pods_check(struct attachment *att, struct cni_error *err);

/* Deletes the elements of those addresses that the attachment's record names, that are a
 * delegated IPAM's or apart, and that no other connected pod of the network has. */
int masquerade_pods_del(struct attachment *att, struct cni_error *err);

#endif
