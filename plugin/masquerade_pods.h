/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pods that are masqueraded one by one, because their addresses are no ranges of ours
 * (a delegated IPAM): elements of two sets a network and family, so that the rules over
 * them stay constant in number.
 *
 *	pods4_NETHASH	addresses
 *	own4_NETHASH	address . subnet: destinations that see the pod's own address
 *
 * They are the attachment's, named by its record, which stage_ipam_exec.c writes; so its
 * del is where they go: also where an ADD fails that never came as far as the rules, but
 * whose elements another one put back.
 */
#ifndef BRIDGE_CNI_PLUGIN_MASQUERADE_PODS_H
#define BRIDGE_CNI_PLUGIN_MASQUERADE_PODS_H

#include "rules.h"

/* "ip saddr @pods ip saddr . ip daddr != @own" */
void masquerade_pods_match(const struct net_conf *conf, int family, struct text *text);

/* For struct rule_list: both families' sets with their sentinels, and the elements of all
 * pods of the network that have an interface, from their records. */
int masquerade_pods_sets(const struct net_conf *conf, struct rule_list *list,
			 struct cni_error *err);
int masquerade_pods_fill(struct attachment *att, struct text *text,
			 struct cni_error *err);

/* Adds the elements of @att->ipam's addresses, all or none; the sets must be there. */
int masquerade_pods_add(struct attachment *att, struct cni_error *err);

/* Code 104 naming the address whose element isn't there. */
int masquerade_pods_check(struct attachment *att, struct cni_error *err);

/* Deletes the elements of those addresses that the attachment's record names, that are a
 * delegated IPAM's, and that no other connected pod of the network has. */
int masquerade_pods_del(struct attachment *att, struct cni_error *err);

#endif
