/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the interfaces that the agent makes for tunnels. An interface whose name
 * begins with TUNNEL_DEVICES is taken for one of them. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_DEVICE_NAMES_H
#define BRIDGE_CNI_AGENT_TUNNEL_DEVICE_NAMES_H

#include "conf/base/addr.h"
#include "conf/identity.h"
#include "wireguard_rotation.h"

/* Beginnings of the names of each mode's devices, as the guard's rules have them. */
#define VXLAN_DEVICES	  TUNNEL_DEVICES "vxlan"
#define WIREGUARD_DEVICES TUNNEL_DEVICES "wg"

/* By family of the underlay, as an index of ip_families[]. */
extern const char *const vxlan_device_names[IP_FAMILIES];

/* By slot (wireguard_rotation.h). */
extern const char *const wireguard_device_names[WIREGUARD_SLOTS];

#endif
