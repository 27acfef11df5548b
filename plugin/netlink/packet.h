/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet that nobody sends, as the rules at one hook would see it, and what is known of
 * it. For those who walk other programs' rules. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_PACKET_H
#define BRIDGE_CNI_PLUGIN_NETLINK_PACKET_H

#include <stddef.h>

#include "conf/base/addr.h"

/* A packet's state, as connection tracking has it. */
enum packet_state {
	PACKET_NEW,
	PACKET_ESTABLISHED,
	PACKET_UNTRACKED, /* as neighbour discovery is */
	PACKET_UNSEEN, /* connection tracking is yet to see it: rules take it for invalid */
};

struct packet {
	const char *in, *out; /* interfaces, by their names; "": none at this hook */
	unsigned int in_index, out_index; /* of these interfaces; 0: there is none */
	const char *bridge; /* whose ports @in and @out are; "": they are no ports */
	uint16_t ethertype; /* ETH_P_IP, ETH_P_IPV6, ETH_P_ARP */
	struct ip_addr from, to;
	uint8_t protocol; /* IPPROTO_ICMPV6, …; 0: packets of all protocols are meant */
	uint8_t icmp_type; /* of ICMPv6; then the hop limit is 255 */
	bool asks; /* ARP: a request; else a reply */
	enum packet_state state;
	/* The address may be translated here, and isn't known then. */
	bool hides_from, hides_to;
	/* A rule may have given it or its connection a mark, which isn't known then; without
	 * one both marks are 0. */
	bool marked;
	/* All packets that are meant have the address. */
	bool sure_from, sure_to;
	bool from_node, to_node; /* the address is one of the node's own */
};

/* Gives the type that the routing table has for the packet's source or, with @of_target,
 * its target: RTN_LOCAL, for example; false: the address isn't known here. */
bool packet_address_type(const struct packet *packet, bool of_target, uint32_t *ret_type);

/* How well a byte of a packet is known. */
enum known {
	KNOWN_NOT,
	KNOWN, /* it is so in each of the packets that are meant */
	KNOWN_EXAMPLE, /* it is so in this one, and others have another address */
	KNOWN_PART, /* the same with a mask laid over it: others have it, mostly */
};

/* Says how well an address of the packet is known. */
static inline enum known known_as(bool hidden, bool sure)
{
	return hidden ? KNOWN_NOT : sure ? KNOWN : KNOWN_EXAMPLE;
}

enum hook_layer {
	HOOK_IP, /* of inet, ip and ip6; of arp for a packet of ARP */
	HOOK_BRIDGE,
	HOOK_DEVICE, /* of netdev, and ingress of inet */
};

/* A hook that a packet comes by. */
struct packet_hook {
	enum hook_layer layer;
	unsigned int number; /* NF_INET_FORWARD, …, in HOOK_BRIDGE as well; NF_NETDEV_… */
};

/* The packet as a chain of that priority sees it there: connection tracking, and chains
 * that translate addresses, have priorities, too. */
struct packet packet_seen(const struct packet *packet, const struct packet_hook *hook,
			  int priority);

#define PACKET_HEADER_MAX 40
struct packet_header {
	uint8_t bytes[PACKET_HEADER_MAX];
	uint8_t known[PACKET_HEADER_MAX]; /* enum known */
};

/* Writes what is known of the Ethernet header, of the IP header, and of the one behind it. */
void packet_link_header(const struct packet *packet, struct packet_header *ret_header);
void packet_network_header(const struct packet *packet, struct packet_header *ret_header);
void packet_transport_header(const struct packet *packet,
			     struct packet_header *ret_header);

#endif
