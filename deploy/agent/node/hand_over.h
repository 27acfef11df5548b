/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent does this at its end, as another version may come after it. A version that
 * doesn't know quietBridge, or podLink, deletes pods without their permanent neighbours. The
 * next pod with such an address would not be reached, if it has another MAC address. Nor
 * has the bridge entries for that version's pods by which IPv6's solicitations find them.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_HAND_OVER_H
#define BRIDGE_CNI_AGENT_NODE_HAND_OVER_H

#include "conf/base/error.h"

struct netlink;

/*
 * Makes the pods' permanent neighbours on @bridge and its VLANs' gateways ordinary ones,
 * which the kernel asks for again, corrects and forgets, and has a bridge that was made
 * here ask no more for members of multicast groups. `bridge-cni repair`, with which an
 * agent begins, puts both back. @ret_n: how many neighbours there were. Code 101.
 */
int hand_over(struct netlink *rtnl, const char *bridge, size_t *ret_n,
	      struct cni_error *err);

#endif
