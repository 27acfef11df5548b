/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MAC address of a node's VXLAN devices follows from the node's name. So every node
 * knows those of all others without asking, and no node has to write it into its Node.
 */
#ifndef BRIDGE_CNI_AGENT_API_NODE_MAC_H
#define BRIDGE_CNI_AGENT_API_NODE_MAC_H

#include "conf/base/addr.h"

/* A unicast, locally administered address. Of 5,000 names two have the same one with a
 * probability of one to six million. */
struct mac_addr node_mac(const char *node_name);

#endif
