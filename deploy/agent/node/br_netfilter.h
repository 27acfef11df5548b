/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module br_netfilter, which has the parameters of bridge_nf.h. */
#ifndef BRIDGE_CNI_AGENT_NODE_BR_NETFILTER_H
#define BRIDGE_CNI_AGENT_NODE_BR_NETFILTER_H

#include "plugin/netlink/netlink.h"

/*
 * Has the kernel load the module, and waits for that. The agent itself may not load
 * modules: that takes a capability which would make it the node's master. 0 doesn't say
 * that the module is there now: look for its parameters. Code 101. @nft: a
 * NETLINK_FOR_NFTABLES connection.
 */
int br_netfilter_load(struct netlink *nft, struct cni_error *err);

#endif
