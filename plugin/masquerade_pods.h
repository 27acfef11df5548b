/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pods that are masqueraded one by one, because their addresses are no ranges of ours
 * (a delegated IPAM): elements of two sets a network and family, so that the rules over
 * them stay constant in number.
 *
 *	pods4_NETHASH	addresses
 *	own4_NETHASH	address . subnet: destinations that see the pod's own address
 */
#ifndef BRIDGE_CNI_PLUGIN_MASQUERADE_PODS_H
#define BRIDGE_CNI_PLUGIN_MASQUERADE_PODS_H

#include "rules.h"

/* The "add set" lines of one family. */
void masquerade_pods_sets(const struct net_conf *conf, int family,
			  struct rule_text *text);

/* "ip saddr @pods ip saddr . ip daddr != @own" */
void masquerade_pods_match(const struct net_conf *conf, int family,
			   struct rule_text *text);

/* The elements of @att->ipam's addresses, all or none; the sets must be there. */
int masquerade_pods_add(struct attachment *att, struct cni_error *err);

/* Code 104 naming the address whose element isn't there. */
int masquerade_pods_check(struct attachment *att, struct cni_error *err);

/* Deletes the elements of these addresses; what isn't there is success. */
int masquerade_pods_del(struct attachment *att, const struct ip_prefix *addresses,
			size_t n, struct cni_error *err);

#endif
