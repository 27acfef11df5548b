/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways that packets of pods go through a node, hook by hook. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/socket.h>

#include "firewall_hooks.h"

#define INGRESS 0 /* NF_NETDEV_INGRESS */
#define EGRESS	1 /* NF_NETDEV_EGRESS, of Linux 5.16 */

#define SOLICITATION  135
#define ADVERTISEMENT 136

/* From a pod's port to the node, up to where the node decides where it goes. */
#define FROM_POD                                                           \
	{{HOOK_BRIDGE, NF_INET_PRE_ROUTING}, PLACE_PORT, PLACE_NONE},      \
		{{HOOK_BRIDGE, NF_INET_LOCAL_IN}, PLACE_PORT, PLACE_NONE}, \
		{{HOOK_DEVICE, INGRESS}, PLACE_GATEWAY, PLACE_NONE},       \
	{                                                                  \
		{HOOK_IP, NF_INET_PRE_ROUTING}, PLACE_GATEWAY, PLACE_NONE  \
	}

/* From the node to a pod's port. */
#define TO_POD                                                              \
	{{HOOK_DEVICE, EGRESS}, PLACE_NONE, PLACE_GATEWAY},                 \
		{{HOOK_BRIDGE, NF_INET_LOCAL_OUT}, PLACE_NONE, PLACE_PORT}, \
	{                                                                   \
		{HOOK_BRIDGE, NF_INET_POST_ROUTING}, PLACE_NONE, PLACE_PORT \
	}

static const struct way_step out[] = {
	FROM_POD,
	{{HOOK_IP, NF_INET_FORWARD}, PLACE_GATEWAY, PLACE_UPLINK},
	{{HOOK_IP, NF_INET_POST_ROUTING}, PLACE_GATEWAY, PLACE_UPLINK},
	{{HOOK_DEVICE, EGRESS}, PLACE_NONE, PLACE_UPLINK},
};
static const struct way_step back[] = {
	{{HOOK_DEVICE, INGRESS}, PLACE_UPLINK, PLACE_NONE},
	{{HOOK_IP, NF_INET_PRE_ROUTING}, PLACE_UPLINK, PLACE_NONE},
	{{HOOK_IP, NF_INET_FORWARD}, PLACE_UPLINK, PLACE_GATEWAY},
	{{HOOK_IP, NF_INET_POST_ROUTING}, PLACE_UPLINK, PLACE_GATEWAY},
	TO_POD,
};
static const struct way_step in[] = {
	FROM_POD,
	{{HOOK_IP, NF_INET_LOCAL_IN}, PLACE_GATEWAY, PLACE_NONE},
};
static const struct way_step from_node[] = {
	{{HOOK_IP, NF_INET_LOCAL_OUT}, PLACE_NONE, PLACE_GATEWAY},
	{{HOOK_IP, NF_INET_POST_ROUTING}, PLACE_NONE, PLACE_GATEWAY},
	TO_POD,
};
/* On the bridge; rules for IP are asked as well where bridge-nf-call-iptables is 1, or the
 * node routes between pods. */
static const struct way_step pods[] = {
	{{HOOK_BRIDGE, NF_INET_FORWARD}, PLACE_PORT, PLACE_PORT},
	{{HOOK_IP, NF_INET_FORWARD}, PLACE_GATEWAY, PLACE_GATEWAY},
};

#define WAY(steps) steps, ARRAY_SIZE(steps)

const struct way firewall_ways[WAYS] = {
	{"what pods send", DOCTOR_PROBLEM, false, WAY_OUT, WAY(out)},
	{"the answers that pods get", DOCTOR_PROBLEM, false, WAY_BACK, WAY(back)},
	{"the neighbour discovery of pods", DOCTOR_PROBLEM, false, WAY_DISCOVERY_IN,
	 WAY(in)},
	{"the node's neighbour discovery of pods", DOCTOR_PROBLEM, false,
	 WAY_DISCOVERY_OUT, WAY(from_node)},
	{"what pods send to each other", DOCTOR_PROBLEM, false, WAY_PODS, WAY(pods)},
	{"what the node sends to pods, the kubelet's probes among it", DOCTOR_WARNING,
	 true, WAY_FROM_NODE, WAY(from_node)},
	{"what pods answer the node, the kubelet's probes for example", DOCTOR_WARNING,
	 true, WAY_NODE_ANSWERS, WAY(in)},
	{"what pods send to the node", DOCTOR_WARNING, true, WAY_TO_NODE, WAY(in)},
};

/* Gives the solicited-node group of an address of IPv6, which a pod asks for its MAC
 * address. All whose addresses end alike are in it. */
static struct ip_addr solicited(const struct ip_addr *addr)
{
	struct ip_addr group = {AF_INET6, {0xff, 0x02, [11] = 1, [12] = 0xff}};

	memcpy(group.bytes + 13, addr->bytes + 13, 3);
	return group;
}

/* A pod asks for the gateway, and the node answers. IPv4 has ARP for it. */
static void discovery_make(struct packet *packet, const struct way_ends *ends, bool asks)
{
	bool six = ends->pod.family == AF_INET6;
	struct ip_addr asked = solicited(&ends->node);

	packet->state = PACKET_UNTRACKED;
	packet->ethertype = six ? ETHERTYPE_IPV6 : ETHERTYPE_ARP;
	packet->protocol = six ? IPPROTO_ICMPV6 : 0;
	packet->icmp_type = asks ? SOLICITATION : ADVERTISEMENT;
	packet->asks = asks;
	packet->from = asks ? ends->pod : ends->node;
	packet->to = asks ? six ? asked : ends->node : ends->pod;
	packet->sure_from = packet->from_node = !asks;
	packet->sure_to = packet->to_node = asks;
}

static void ends_make(struct packet *packet, const struct way *way,
		      const struct way_ends *ends)
{
	switch (way->kind) {
	case WAY_OUT:
		packet->from = ends->pod;
		packet->to = ends->world;
		packet->hides_from = true; /* it may be masqueraded */
		break;
	case WAY_BACK:
		packet->from = ends->world;
		packet->to = ends->pod;
		packet->hides_to = true;
		packet->state = PACKET_ESTABLISHED;
		break;
	case WAY_PODS:
		packet->from = ends->pod;
		packet->to = ends->other_pod;
		break;
	case WAY_NODE_ANSWERS:
		packet->state = PACKET_ESTABLISHED;
		/* fallthrough */
	case WAY_TO_NODE:
		packet->from = ends->pod;
		packet->to = ends->node;
		packet->sure_to = packet->to_node = true;
		break;
	case WAY_FROM_NODE:
		packet->from = ends->node;
		packet->to = ends->pod;
		packet->sure_from = packet->from_node = true;
		break;
	case WAY_DISCOVERY_IN:
	case WAY_DISCOVERY_OUT:
		discovery_make(packet, ends, way->kind == WAY_DISCOVERY_IN);
		break;
	}
}

static const char *ifname_at(const struct way_ends *ends, enum place place)
{
	switch (place) {
	case PLACE_PORT:
		return ends->port;
	case PLACE_GATEWAY:
		return ends->gateway;
	case PLACE_UPLINK:
		return ends->uplink;
	case PLACE_NONE:
		break;
	}
	return "";
}

static unsigned int index_at(const struct way_ends *ends, enum place place)
{
	switch (place) {
	case PLACE_PORT:
		return ends->port_index;
	case PLACE_GATEWAY:
		return ends->gateway_index;
	case PLACE_UPLINK:
		return ends->uplink_index;
	case PLACE_NONE:
		break;
	}
	return 0;
}

struct packet way_packet(const struct way *way, const struct way_step *step,
			 const struct way_ends *ends)
{
	struct packet packet = {
		.in = ifname_at(ends, step->in),
		.out = ifname_at(ends, step->out),
		.in_index = index_at(ends, step->in),
		.out_index = index_at(ends, step->out),
		.bridge = step->hook.layer == HOOK_BRIDGE ? ends->bridge : "",
		.ethertype = ends->pod.family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6,
	};

	ends_make(&packet, way, ends);
	return packet;
}
