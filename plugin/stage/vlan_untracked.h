/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * br_netfilter and a VLAN's gateway that is a veth. Frames between pods and the gateway
 * cross the bridge, from port to port, before or after the node routes what is in them.
 * Where net.bridge.bridge-nf-call-iptables (for IPv6 bridge-nf-call-ip6tables) is 1, they
 * pass netfilter's rules twice: as forwarded on the bridge, too. On the bridge they would
 * be masqueraded, so that the gateway got packets from one of the node's own addresses,
 * and translated to addresses that the bridge finds no way to. So connection tracking
 * leaves them alone there, and with it all that translates; the node does both when it
 * routes them. Frames from pod to pod are tracked as ever.
 *
 * An owner has two rules in the table bridge bridge_cni. Where the parameters are 0 they
 * change nothing, so they are there for whoever sets them to 1 later.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_VLAN_UNTRACKED_H
#define BRIDGE_CNI_PLUGIN_STAGE_VLAN_UNTRACKED_H

#include "facts.h"

/* Puts the rules right. The gateway has been looked at. A kernel that can't have them is
 * an error only where frames pass netfilter. Codes 5, 11, 101, 105. */
int vlan_untracked_ensure(struct attachment *att, struct cni_error *err);

/* CHECK: code 104 where frames pass netfilter, and a rule is missing. */
int vlan_untracked_check(struct attachment *att, struct cni_error *err);

/* `show`: counts the rules. Codes 100, 101. */
int vlan_untracked_show(struct attachment *net, struct stage_facts *facts,
			struct cni_error *err);

#endif
