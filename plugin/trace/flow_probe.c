/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The raw socket hears all of ICMP that comes to the source address: errors of the path
 * tell who sent them there, which connect(2) does not.
 */
#include "flow_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#define PACKET_MAX	 2048
#define MESSAGES_AT_ONCE 64
#define INNER_PORTS	 4 /* bytes of a packet's transport header that tell its ports */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address_fill(const struct flow_probe *probe, const struct ip_addr *ip,
			      uint16_t port, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (ip->family == AF_INET) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		memcpy(&ret->v4.sin_addr, ip->bytes, sizeof(ret->v4.sin_addr));
		return sizeof(ret->v4);
	}
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons(port);
	memcpy(&ret->v6.sin6_addr, ip->bytes, sizeof(ret->v6.sin6_addr));
	if (ip_is_link_local6(ip))
		ret->v6.sin6_scope_id = probe->scope;
	return sizeof(ret->v6);
}

static int socket_open(const struct flow_probe *probe, int type, int protocol)
{
	const struct ip_addr *from = &probe->flow.from;
	union address address;
	socklen_t len = address_fill(probe, from, 0, &address);
	int fd = socket(from->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd >= 0 && bind(fd, &address.any, len) < 0) {
		int errnum = errno;

		close(fd);
		errno = errnum;
		return -1;
	}
	return fd;
}

static bool is_ipv4(const struct flow_probe *probe)
{
	return probe->flow.from.family == AF_INET;
}

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int port_take(struct flow_probe *probe)
{
	/* The target sees the connection end at once, and keeps nothing of it. */
	struct linger none = {.l_onoff = 1};
	union address own = {};
	socklen_t len = sizeof(own);

	probe->tcp_fd = socket_open(probe, SOCK_STREAM, IPPROTO_TCP);
	if (probe->tcp_fd < 0 || getsockname(probe->tcp_fd, &own.any, &len) < 0)
		return -errno;
	(void)setsockopt(probe->tcp_fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	probe->flow.from_port = ntohs(is_ipv4(probe) ? own.v4.sin_port
						     : own.v6.sin6_port);
	return 0;
}

int flow_probe_open(struct flow_probe *probe, struct cni_error *err)
{
	int protocol = is_ipv4(probe) ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int ret = 0;

	probe->icmp_fd = socket_open(probe, SOCK_RAW, protocol);
	if (probe->icmp_fd < 0)
		return error_errno(err, CNI_ERR_IO, errno,
				   "opening a raw socket in the pod for %s",
				   IP_TEXT(&probe->flow.from));
	if (probe->flow.protocol == IPPROTO_TCP)
		ret = port_take(probe);
	else if (getrandom(&probe->flow.id, sizeof(probe->flow.id), 0) < 0)
		ret = -errno;
	if (ret < 0)
		return error_errno(err, CNI_ERR_IO, -ret, "opening a socket in the pod");
	return 0;
}

void flow_probe_close(struct flow_probe *probe)
{
	close_p(&probe->icmp_fd);
	close_p(&probe->tcp_fd);
	probe->icmp_fd = probe->tcp_fd = -1;
}

static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Headers of an echo request are alike in both families. */
struct echo {
	uint8_t type, code;
	uint16_t checksum, id, sequence;
	char data[32];
};

static int ping_send(struct flow_probe *probe)
{
	static const char text[] = "bridge-cni doctor --trace";
	struct echo echo = {};
	union address to;
	socklen_t len = address_fill(probe, &probe->flow.to, 0, &to);

	echo.type = is_ipv4(probe) ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	echo.id = htons(probe->flow.id);
	echo.sequence = htons(1);
	memcpy(echo.data, text, sizeof(text));
	if (is_ipv4(probe)) /* of IPv6 the kernel does it */
		echo.checksum = checksum(&echo, sizeof(echo));
	if (sendto(probe->icmp_fd, &echo, sizeof(echo), 0, &to.any, len) < 0)
		return -errno;
	return 0;
}

static int connection_begin(struct flow_probe *probe)
{
	union address to;
	socklen_t len = address_fill(probe, &probe->flow.to, probe->flow.to_port, &to);

	if (connect(probe->tcp_fd, &to.any, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void end(struct flow_probe *probe, enum probe_outcome outcome, int errnum)
{
	probe->microseconds = (uint32_t)(clock_us() - probe->microseconds);
	probe->outcome = outcome;
	probe->errnum = errnum;
}

void flow_probe_send(struct flow_probe *probe)
{
	int ret;

	probe->microseconds = (uint32_t)clock_us();
	ret = probe->tcp_fd >= 0 ? connection_begin(probe) : ping_send(probe);
	if (ret == -ECONNREFUSED)
		end(probe, PROBE_RESET, -ret);
	else if (ret < 0)
		end(probe, PROBE_NOT_SENT, -ret);
}

/* Is @bytes, which an error of ICMP has, the beginning of a packet of the flow? */
static bool is_own_packet(const struct flow_probe *probe, const uint8_t *bytes,
			  size_t len)
{
	const struct flow *flow = &probe->flow;
	const struct ip *v4 = (const void *)bytes;
	const struct ip6_hdr *v6 = (const void *)bytes;
	size_t header = sizeof(*v6), size = ip_size(flow->to.family);
	uint16_t ports[2] = {}, id;
	uint8_t protocol;
	const void *to;

	if (len < (is_ipv4(probe) ? sizeof(*v4) : sizeof(*v6)))
		return false;
	if (is_ipv4(probe))
		header = (size_t)v4->ip_hl * 4;
	protocol = is_ipv4(probe) ? v4->ip_p : v6->ip6_nxt;
	to = is_ipv4(probe) ? (const void *)&v4->ip_dst : (const void *)&v6->ip6_dst;
	if (protocol != flow->protocol || memcmp(to, flow->to.bytes, size) != 0 ||
	    len < header + sizeof(struct icmphdr))
		return false;
	memcpy(ports, bytes + header, INNER_PORTS);
	memcpy(&id, bytes + header + INNER_PORTS, sizeof(id));
	if (protocol == IPPROTO_TCP)
		return ntohs(ports[0]) == flow->from_port &&
		       ntohs(ports[1]) == flow->to_port;
	return ntohs(id) == flow->id;
}

static bool is_error(const struct flow_probe *probe, uint8_t type)
{
	if (!is_ipv4(probe)) /* all of them come first (RFC 4443) */
		return !(type & ICMP6_INFOMSG_MASK);
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

static void message_take(struct flow_probe *probe, const uint8_t *bytes, size_t len,
			 const struct ip_addr *from)
{
	const struct echo *echo = (const void *)bytes;
	const size_t header = sizeof(struct icmphdr);

	if (len < header)
		return;
	if (echo->type == (is_ipv4(probe) ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) {
		if (probe->tcp_fd < 0 && ntohs(echo->id) == probe->flow.id &&
		    ip_equal(from, &probe->flow.to))
			end(probe, PROBE_ANSWERED, 0);
		return;
	}
	if (!is_error(probe, echo->type) ||
	    !is_own_packet(probe, bytes + header, len - header))
		return;
	end(probe, PROBE_ICMP_ERROR, 0);
	probe->from = *from;
	probe->type = echo->type;
	probe->code = echo->code;
	/* The second half of IPv4's second word is the MTU, and all of IPv6's. */
	if (is_ipv4(probe) && echo->type == ICMP_DEST_UNREACH &&
	    echo->code == ICMP_FRAG_NEEDED)
		probe->mtu = ntohs(echo->sequence);
	if (!is_ipv4(probe) && echo->type == ICMP6_PACKET_TOO_BIG)
		probe->mtu = (uint32_t)ntohs(echo->id) << 16 | ntohs(echo->sequence);
}

bool flow_probe_is_refusal(const struct flow_probe *probe)
{
	if (probe->outcome != PROBE_ICMP_ERROR)
		return false;
	if (is_ipv4(probe))
		return probe->type == ICMP_DEST_UNREACH &&
		       (probe->code == ICMP_PORT_UNREACH || probe->code == ICMP_NET_ANO ||
			probe->code == ICMP_HOST_ANO || probe->code == ICMP_PKT_FILTERED);
	return probe->type == ICMP6_DST_UNREACH &&
	       (probe->code == ICMP6_DST_UNREACH_NOPORT ||
		probe->code == ICMP6_DST_UNREACH_ADMIN);
}

/* Where others flood the pod, the caller looks at the clock between two calls. */
static void messages_take(struct flow_probe *probe)
{
	_Alignas(8) uint8_t bytes[PACKET_MAX];
	union address from = {};
	ssize_t len;
	int n = 0;

	while (n++ < MESSAGES_AT_ONCE && probe->outcome != PROBE_ANSWERED &&
	       probe->outcome != PROBE_ICMP_ERROR &&
	       (len = recvfrom(probe->icmp_fd, bytes, sizeof(bytes), 0, &from.any,
			       &(socklen_t){sizeof(from)})) >= 0) {
		struct ip_addr ip = {.family = probe->flow.from.family};
		const struct ip *header = (const void *)bytes;
		size_t skip = 0;

		if (is_ipv4(probe)) {
			memcpy(ip.bytes, &from.v4.sin_addr, sizeof(from.v4.sin_addr));
			skip = (size_t)header->ip_hl * 4;
		} else {
			memcpy(ip.bytes, &from.v6.sin6_addr, sizeof(from.v6.sin6_addr));
		}
		if ((size_t)len >= skip)
			message_take(probe, bytes + skip, (size_t)len - skip, &ip);
	}
}

/* A socket that connects can be written to when that has ended, well or not. */
static void connection_look(struct flow_probe *probe)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	int errnum = 0;

	if (getsockopt(probe->tcp_fd, SOL_SOCKET, SO_ERROR, &errnum,
		       &(socklen_t){sizeof(errnum)}) < 0)
		errnum = errno;
	if (errnum == ECONNREFUSED)
		end(probe, PROBE_RESET, errnum);
	else if (errnum && errnum != ECONNRESET)
		end(probe, PROBE_NOT_SENT, errnum);
	/* ECONNRESET: it was made, and ended at once. */
	else if (errnum == ECONNRESET ||
		 (getsockopt(probe->tcp_fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
		  info.tcpi_state != TCP_SYN_SENT && info.tcpi_state != TCP_CLOSE))
		end(probe, PROBE_ANSWERED, 0);
}

void flow_probe_hear(struct flow_probe *probe)
{
	/* An error of ICMP makes the connection fail, too; it says more. */
	messages_take(probe);
	if (probe->tcp_fd >= 0 && probe->outcome == PROBE_SILENCE) {
		connection_look(probe);
		if (probe->outcome == PROBE_NOT_SENT || probe->outcome == PROBE_RESET)
			messages_take(probe);
	}
}
