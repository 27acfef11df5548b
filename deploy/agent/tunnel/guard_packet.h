/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the parts of a VXLAN packet stand, in bits from the UDP header on, as nft(8) has
 * them: RFC 7348, section 5. The kernel reads two bytes or four much faster than any
 * other number.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_PACKET_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_PACKET_H

#define VXLAN_VNI    "@th,96,32 & 0xffffff00" /* with the reserved byte behind it */
#define INNER_MAC    "@th,128,32" /* destination: its first four bytes */
#define INNER_MAC_2  "@th,160,16" /* its last two */
#define INNER_TYPE   "@th,224,16"
#define INNER_SADDR4 "@th,336,32"
#define INNER_SADDR6 "@th,304,128"

#endif
