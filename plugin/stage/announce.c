/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells the neighbours which MAC address an address has, where that isn't the one that
 * always goes with it (veth.c): by a gratuitous ARP (RFC 5944, 4.6) for IPv4, by an
 * unsolicited neighbour advertisement (RFC 4861, 7.2.6) for IPv6. Otherwise neighbour
 * caches would be wrong for up to a minute.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "stages.h"

#define ND_HOP_LIMIT 255

#define MULTICAST_POLL_NS   1000000
#define MULTICAST_POLLS_MAX 2000 /* 2 s and more */

static int arp_announce(const struct attachment *att, const struct ip_addr *addr,
			struct cni_error *err)
{
	_cleanup_(close_p) int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_ll everybody = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = att->container_index,
		.sll_halen = ETH_ALEN,
		.sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	};
	struct ether_arp arp = {
		.ea_hdr =
			{
				.ar_hrd = htons(ARPHRD_ETHER),
				.ar_pro = htons(ETH_P_IP),
				.ar_hln = ETH_ALEN,
				.ar_pln = 4,
				.ar_op = htons(ARPOP_REPLY),
			},
	};

	/* It is a reply, as the bridge answers a request by itself where it knows the pod
	 * (quietBridge), and the others would not hear it. */
	memcpy(arp.arp_sha, att->container_mac.bytes, ETH_ALEN);
	memcpy(arp.arp_tha, att->container_mac.bytes, ETH_ALEN);
	memcpy(arp.arp_spa, addr->bytes, 4);
	memcpy(arp.arp_tpa, addr->bytes, 4);
	if (fd < 0 || sendto(fd, &arp, sizeof(arp), 0, (struct sockaddr *)&everybody,
			     sizeof(everybody)) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "announcing %s on %s by a gratuitous ARP",
				   IP_TEXT(addr), att->pod->ifname);
	return 0;
}

/*
 * Until the kernel has made the interface's route to multicast addresses, there is no way
 * to them. It makes that route by a work queue, once it notices that the link is ready.
 */
static ssize_t multicast_send(int fd, const void *message, size_t len,
			      const struct sockaddr_in6 *to)
{
	for (int poll = 0;; poll++) {
		ssize_t sent = sendto(fd, message, len, 0, (const struct sockaddr *)to,
				      sizeof(*to));

		if (sent >= 0 || errno != ENETUNREACH || poll == MULTICAST_POLLS_MAX)
			return sent;
		nanosleep(&(struct timespec){.tv_nsec = MULTICAST_POLL_NS}, NULL);
	}
}

static int neighbour_announce(const struct attachment *att, const struct ip_addr *addr,
			      struct cni_error *err)
{
	_cleanup_(close_p) int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
					   IPPROTO_ICMPV6);
	struct sockaddr_in6 self = {.sin6_family = AF_INET6};
	struct sockaddr_in6 all_nodes = {
		.sin6_family = AF_INET6,
		.sin6_addr.s6_addr = {0xff, 0x02, [15] = 1},
		.sin6_scope_id = att->container_index,
	};
	struct {
		struct nd_neighbor_advert advert;
		struct nd_opt_hdr option;
		uint8_t mac[ETH_ALEN];
	} message = {
		.advert =
			{
				.nd_na_type = ND_NEIGHBOR_ADVERT,
				.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE,
			},
		.option = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1},
	};

	memcpy(&self.sin6_addr, addr->bytes, 16);
	memcpy(&message.advert.nd_na_target, addr->bytes, 16);
	memcpy(message.mac, att->container_mac.bytes, ETH_ALEN);
	if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &(int){ND_HOP_LIMIT},
		       sizeof(int)) < 0 ||
	    multicast_send(fd, &message, sizeof(message), &all_nodes) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "announcing %s on %s by a neighbour advertisement",
				   IP_TEXT(addr), att->pod->ifname);
	return 0;
}

static int announce_all(void *data, struct cni_error *err)
{
	const struct attachment *att = data;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++) {
		const struct ip_addr *addr = &att->ipam.ips.items[i].address.addr;

		ret = addr->family == AF_INET ? arp_announce(att, addr, err)
					      : neighbour_announce(att, addr, err);
	}
	return ret;
}

static int announce_add(struct attachment *att, struct cni_error *err)
{
	if (att->ipam.ips.n == 0 || (!att->pod->mac.set && !ipam_delegated(att->network)))
		return 0;
	return pod_ns_run(&att->op->node, att->pod_ns.fd, announce_all, att, err);
}

const struct stage stage_announce = {
	.name = "announce",
	.add = announce_add,
};
