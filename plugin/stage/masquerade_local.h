/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipMasq, where a pod's connection leads to another pod of its own subnet because
 * somebody has translated its destination, as kube-proxy does for a Service. The other
 * pod answers over the bridge, past the node. With br_netfilter and its parameter
 * bridge-nf-call-iptables the kernel looks into the answer there, and translates it back.
 * Without them the client would get an answer from somebody whom it doesn't know. So such
 * a connection is masqueraded, and the answer comes to the node:
 *
 *	meta iifkind != "none" ct status dnat ip saddr SUBNET ip daddr SUBNET masquerade
 *
 * The rule needs no knowledge of br_netfilter. Where that is at work, the kernel bridges
 * the translated packet, and a bridged packet has no incoming interface in the
 * postrouting hook: a rule that asks for the interface's kind doesn't match. Only a
 * packet that the node has routed has an interface (Linux 5.7 and later; before, none
 * has, and the rule does nothing). Gateways' interfaces are of the kinds bridge, veth and
 * vlan, and there is no kind "none". Routed pods answer by the node anyway, and have no
 * such rule.
 *
 * "iif != 0" would say the same, but to read it libnftables lists the node's interfaces.
 * "iiftype" is no help, as newer kernels tell of the bridge there.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_LOCAL_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_LOCAL_H

#include "plugin/nft/rule_list.h"

/* Adds a rule for each of @subnets to @list, which has room for it. The kinds begin with
 * @prefix. Code 100. */
int masquerade_local_add(const struct attachment *att, struct rule_list *list,
			 const char *prefix, const struct prefix_list *subnets,
			 struct cni_error *err);

/* Adds the rule for pods in the sets of masquerade_sets.h, for one family: AF_INET or
 * AF_INET6. Like other rules over these sets it is @tolerated, or not. Code 100. */
int masquerade_local_pods_add(const struct attachment *att, struct rule_list *list,
			      const char *prefix, int family, bool tolerated,
			      struct cni_error *err);

#endif
