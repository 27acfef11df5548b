/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * podLink "routed" and br_netfilter. Where net.bridge.bridge-nf-call-iptables is 1, IPv4
 * packets that cross the bridge go through netfilter's rules on the way. What a Service
 * translates to a pod of the same node then stays on the bridge, and doesn't leave an
 * isolated port for another one: such connections time out. The same goes for IPv6 and
 * bridge-nf-call-ip6tables. Both are of the network namespace; a bridge may have a switch
 * of its own beside them. This program sets neither, as bridged pods need 1.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_NF_H
#define BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_NF_H

#include "plugin/attachment/attachment.h"

/* Do frames that cross the pod's bridge pass netfilter's rules, of either family? Code
 * 5. */
int bridge_nf_is_on(const struct attachment *att, bool *ret_on, struct cni_error *err);

/* ADD of a routed pod: code 7 where the switch of a family is on that the pod has an
 * address of. The message names the switch. Code 5. */
int bridge_nf_refuse(struct attachment *att, struct cni_error *err);

/* CHECK: the same in code 104. */
int bridge_nf_check(struct attachment *att, struct cni_error *err);

/* STATUS, repair: looks at the kernel parameters of the families of the network's ranges.
 * With another IPAM plugin the families aren't known: then both have to be on for an
 * error, code 51. Code 5. */
int bridge_nf_status(struct attachment *net, struct cni_error *err);

#endif
