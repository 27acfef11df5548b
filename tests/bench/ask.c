/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has an address on an interface's link? Asks so many times, by ARP or by neighbour
 * solicitation, and prints after how many nanoseconds each answer came, -1 for none; then
 * "processor" and the nanoseconds of processor time that the questions took together:
 *
 *   ask IFNAME OWN_ADDRESS ADDRESS COUNT
 *
 * The kernel copies a question to all ports while it sends it, so that this process's time has
 * that in it, but for what the kernel leaves to its own threads.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WAIT_NS	 INT64_C(100000000) /* for an answer */
#define PAUSE_NS 3000000 /* the bridge is idle again */

struct question {
	uint8_t frame[128];
	size_t len;
	uint8_t target[16];
	bool six;
};

static int64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static uint32_t sum_of(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static void fill_arp(struct question *q, const uint8_t mac[ETH_ALEN],
		     const struct in_addr *own, const struct in_addr *target)
{
	struct ether_header ether = {.ether_type = htons(ETHERTYPE_ARP)};
	struct ether_arp arp = {
		.ea_hdr = {htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), ETH_ALEN, 4,
			   htons(ARPOP_REQUEST)},
	};

	memset(ether.ether_dhost, 0xff, ETH_ALEN);
	memcpy(ether.ether_shost, mac, ETH_ALEN);
	memcpy(arp.arp_sha, mac, ETH_ALEN);
	memcpy(arp.arp_spa, own, 4);
	memcpy(arp.arp_tpa, target, 4);
	memcpy(q->target, target, 4);
	memcpy(q->frame, &ether, sizeof(ether));
	memcpy(q->frame + sizeof(ether), &arp, sizeof(arp));
	q->len = sizeof(ether) + sizeof(arp);
}

static void fill_solicitation(struct question *q, const uint8_t mac[ETH_ALEN],
			      const struct in6_addr *own, const struct in6_addr *target)
{
	const uint8_t *t = target->s6_addr;
	struct {
		struct nd_neighbor_solicit head;
		struct nd_opt_hdr option;
		uint8_t mac[ETH_ALEN];
	} body = {
		.head.nd_ns_hdr = {.icmp6_type = ND_NEIGHBOR_SOLICIT},
		.option = {ND_OPT_SOURCE_LINKADDR, 1},
	};
	struct ether_header ether = {
		.ether_dhost = {0x33, 0x33, 0xff, t[13], t[14], t[15]},
		.ether_type = htons(ETHERTYPE_IPV6),
	};
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons(sizeof(body)),
		.ip6_nxt = IPPROTO_ICMPV6,
		.ip6_hlim = 255,
		.ip6_src = *own,
		.ip6_dst.s6_addr = {0xff, 2, [11] = 1, 0xff, t[13], t[14], t[15]},
	};
	uint32_t sum;

	memcpy(ether.ether_shost, mac, ETH_ALEN);
	memcpy(body.mac, mac, ETH_ALEN);
	body.head.nd_ns_target = *target;
	sum = sum_of(&ip.ip6_src, 32) + sizeof(body) + IPPROTO_ICMPV6 +
	      sum_of(&body, sizeof(body));
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	body.head.nd_ns_hdr.icmp6_cksum = htons((uint16_t)~sum);
	memcpy(q->target, target, 16);
	memcpy(q->frame, &ether, sizeof(ether));
	memcpy(q->frame + sizeof(ether), &ip, sizeof(ip));
	memcpy(q->frame + sizeof(ether) + sizeof(ip), &body, sizeof(body));
	q->len = sizeof(ether) + sizeof(ip) + sizeof(body);
}

/* Is it an answer about the address that was asked for? */
static bool answers(const struct question *q, const uint8_t *frame, size_t len)
{
	const size_t at = sizeof(struct ether_header);

	if (q->six)
		return len >= at + sizeof(struct ip6_hdr) + 24 &&
		       frame[at + sizeof(struct ip6_hdr)] == ND_NEIGHBOR_ADVERT &&
		       memcmp(frame + at + sizeof(struct ip6_hdr) + 8, q->target, 16) ==
			       0;
	return len >= at + sizeof(struct ether_arp) && frame[at + 7] == ARPOP_REPLY &&
	       memcmp(frame + at + 14, q->target, 4) == 0;
}

static int64_t ask(int sock, const struct question *q)
{
	int64_t start = now(CLOCK_MONOTONIC), left = WAIT_NS;
	uint8_t frame[256];

	if (send(sock, q->frame, q->len, 0) != (ssize_t)q->len)
		err(1, "send");
	for (; left > 0; left = start + WAIT_NS - now(CLOCK_MONOTONIC)) {
		ssize_t len = recv(sock, frame, sizeof(frame), MSG_DONTWAIT);

		if (len > 0 && answers(q, frame, (size_t)len))
			return now(CLOCK_MONOTONIC) - start;
		if (len < 0)
			poll(&(struct pollfd){sock, POLLIN, 0}, 1,
			     (int)(left / 1000000) + 1);
	}
	return -1;
}

static int open_link(const char *ifname, bool six, uint8_t ret_mac[ETH_ALEN])
{
	uint16_t kind = htons(six ? ETHERTYPE_IPV6 : ETHERTYPE_ARP);
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, kind);
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET,
		.sll_protocol = kind,
		.sll_ifindex = (int)if_nametoindex(ifname),
	};

	if (sock < 0 || bind(sock, (struct sockaddr *)&link, sizeof(link)) < 0 ||
	    getsockname(sock, (struct sockaddr *)&link, &(socklen_t){sizeof(link)}) < 0)
		err(1, "%s", ifname);
	memcpy(ret_mac, link.sll_addr, ETH_ALEN);
	return sock;
}

int main(int argc, char **argv)
{
	struct question q = {0};
	struct in6_addr own6, target6;
	struct in_addr own, target;
	uint8_t mac[ETH_ALEN];
	int64_t used = 0;
	int sock;

	if (argc != 5)
		errx(2, "usage: ask IFNAME OWN_ADDRESS ADDRESS COUNT");
	q.six = strchr(argv[3], ':');
	sock = open_link(argv[1], q.six, mac);
	if (q.six && inet_pton(AF_INET6, argv[2], &own6) == 1 &&
	    inet_pton(AF_INET6, argv[3], &target6) == 1)
		fill_solicitation(&q, mac, &own6, &target6);
	else if (inet_pton(AF_INET, argv[2], &own) == 1 &&
		 inet_pton(AF_INET, argv[3], &target) == 1)
		fill_arp(&q, mac, &own, &target);
	else
		errx(2, "two addresses of one family are wanted");
	for (int i = 0; i < atoi(argv[4]); i++) {
		int64_t before = now(CLOCK_PROCESS_CPUTIME_ID);

		printf("%lld\n", (long long)ask(sock, &q));
		used += now(CLOCK_PROCESS_CPUTIME_ID) - before;
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
	}
	printf("processor %lld\n", (long long)used);
	return 0;
}
