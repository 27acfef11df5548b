/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Headers as RFC 791, RFC 8200 and RFC 4443 lay them out. */
#include "packet.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/socket.h>

#define HOPS_OF_ND 255 /* RFC 4861: whoever gets less takes it for a stranger's */

static bool is_multicast(const struct ip_addr *addr)
{
	return addr->family == AF_INET ? addr->bytes[0] >> 4 == 14
				       : addr->bytes[0] == 0xff;
}

bool packet_address_type(const struct packet *packet, bool of_target, uint32_t *ret_type)
{
	if (of_target ? packet->hides_to : packet->hides_from)
		return false;
	if (is_multicast(of_target ? &packet->to : &packet->from))
		*ret_type = RTN_MULTICAST;
	else
		*ret_type = (of_target ? packet->to_node : packet->from_node)
				    ? RTN_LOCAL
				    : RTN_UNICAST;
	return true;
}

static void put(struct packet_header *header, size_t at, const void *bytes, size_t len,
		enum known known)
{
	memcpy(header->bytes + at, bytes, len);
	memset(header->known + at, known, len);
}

static void put_byte(struct packet_header *header, size_t at, uint8_t byte)
{
	put(header, at, &byte, sizeof(byte), KNOWN);
}

void packet_link_header(const struct packet *packet, struct packet_header *ret_header)
{
	uint16_t ethertype = htons(packet->ethertype);

	*ret_header = (struct packet_header){};
	put(ret_header, 2 * ETHER_ADDR_LEN, &ethertype, sizeof(ethertype), KNOWN);
}

static void put_addresses(struct packet_header *header, const struct packet *packet,
			  size_t from_at, size_t to_at)
{
	size_t size = ip_size(packet->from.family);

	put(header, from_at, packet->from.bytes, size,
	    known_as(packet->hides_from, packet->sure_from));
	put(header, to_at, packet->to.bytes, size,
	    known_as(packet->hides_to, packet->sure_to));
}

/* RFC 826: Ethernet's and IPv4's numbers and sizes, and whether somebody asks; behind that
 * the addresses of either end. */
static void arp_header(const struct packet *packet, struct packet_header *header)
{
	const uint8_t start[] = {0, 1, 8, 0, 6, 4, 0, packet->asks ? 1 : 2};

	put(header, 0, start, sizeof(start), KNOWN);
	put_addresses(header, packet, 14, 24);
}

void packet_network_header(const struct packet *packet, struct packet_header *ret_header)
{
	bool six = packet->ethertype == ETHERTYPE_IPV6;
	size_t at = six ? 8 : 12;

	*ret_header = (struct packet_header){};
	if (packet->ethertype == ETHERTYPE_ARP) {
		arp_header(packet, ret_header);
		return;
	}
	put_addresses(ret_header, packet, at, at + ip_size(packet->from.family));
	if (packet->protocol)
		put_byte(ret_header, six ? 6 : 9, packet->protocol);
	if (packet->protocol == IPPROTO_ICMPV6)
		put_byte(ret_header, 7, HOPS_OF_ND);
}

void packet_transport_header(const struct packet *packet,
			     struct packet_header *ret_header)
{
	*ret_header = (struct packet_header){};
	if (packet->protocol != IPPROTO_ICMPV6)
		return;
	put_byte(ret_header, 0, packet->icmp_type);
	put_byte(ret_header, 1, 0);
}

/* The priorities are the same in IPv6. */
struct packet packet_seen(const struct packet *packet, const struct packet_hook *hook,
			  int priority)
{
	bool ip = hook->layer == HOOK_IP, first = hook->number == NF_INET_PRE_ROUTING,
	     last = hook->number == NF_INET_POST_ROUTING;
	struct packet seen = *packet;

	if (!ip || ((first || hook->number == NF_INET_LOCAL_OUT) &&
		    priority < NF_IP_PRI_CONNTRACK))
		seen.state = PACKET_UNSEEN;
	if (ip && !(first && priority < NF_IP_PRI_NAT_DST))
		seen.hides_to = false;
	if (ip && !(last && priority >= NF_IP_PRI_NAT_SRC))
		seen.hides_from = false;
	return seen;
}
