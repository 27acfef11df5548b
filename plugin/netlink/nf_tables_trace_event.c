/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nf_tables_trace_event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "attr.h"
#include "nfnetlink.h"

#define MESSAGE_MAX 16384 /* bytes of one datagram */
/* More than there is room for: all that had come when the reading began. */
#define DATAGRAMS_AT_ONCE 8192
#define RECEIVE_ROOM	  (4 << 20) /* bytes: a packet may meet thousands of rules */

int trace_listen(int *ret_fd, struct cni_error *err)
{
	_cleanup_(close_p) int fd = socket(
		AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	struct sockaddr_nl self = {.nl_family = AF_NETLINK};

	if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &(int){NFNLGRP_NFTRACE},
		       sizeof(int)) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "listening to nftables' trace");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){RECEIVE_ROOM},
			 sizeof(int));
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static void get_name(const struct nlattr *attr, char ret_name[NFT_NAME_MAX])
{
	ret_name[0] = '\0';
	if (attr)
		nla_strlcpy(ret_name, attr, NFT_NAME_MAX);
}

static enum trace_verdict verdict_of(uint32_t code)
{
	switch ((int)code) {
	case NFT_JUMP:
	case NFT_GOTO:
		return TRACE_JUMPS;
	case NFT_CONTINUE:
	case NFT_BREAK:
	case NFT_RETURN:
		return TRACE_GOES_ON;
	}
	switch (code & NF_VERDICT_MASK) {
	case NF_DROP:
		return TRACE_DROPPED;
	case NF_QUEUE:
		return TRACE_QUEUED;
	case NF_ACCEPT:
		return TRACE_ACCEPTED;
	}
	return TRACE_GOES_ON;
}

static void verdict_read(struct nlattr *verdict, struct trace_event *event)
{
	struct nlattr *attrs[NFTA_VERDICT_MAX + 1];

	if (!verdict || nla_parse_nested(attrs, NFTA_VERDICT_MAX, verdict, NULL) < 0 ||
	    !attrs[NFTA_VERDICT_CODE])
		return;
	event->verdict = verdict_of(be_u32(attrs[NFTA_VERDICT_CODE]));
	get_name(attrs[NFTA_VERDICT_CHAIN], event->to_chain);
}

static void target_read(const struct nlattr *network, const struct nlattr *transport,
			struct trace_event *event)
{
	size_t len = network ? nla_len(network) : 0;
	const struct tcphdr *tcp = transport ? nla_data(transport) : NULL;
	uint8_t protocol = 0;

	if (event->layer == NFPROTO_IPV4 && len >= sizeof(struct iphdr)) {
		const struct iphdr *header = nla_data(network);

		event->to.family = AF_INET;
		memcpy(event->to.bytes, &header->daddr, sizeof(header->daddr));
		protocol = header->protocol;
	} else if (event->layer == NFPROTO_IPV6 && len >= sizeof(struct ip6_hdr)) {
		const struct ip6_hdr *header = nla_data(network);

		event->to.family = AF_INET6;
		memcpy(event->to.bytes, &header->ip6_dst, sizeof(header->ip6_dst));
		protocol = header->ip6_nxt;
	}
	if (protocol == IPPROTO_TCP && tcp && nla_len(transport) >= (int)sizeof(*tcp))
		event->to_port = ntohs(tcp->dest);
}

static bool event_read(const struct nlmsghdr *message, struct trace_event *event)
{
	struct nlattr *attrs[NFTA_TRACE_MAX + 1];
	uint64_t handle = 0;

	*event = (struct trace_event){.verdict = TRACE_GOES_ON};
	if (message->nlmsg_type != NFNL_TYPE(NFTABLES, NFT_MSG_TRACE) ||
	    nlmsg_parse((struct nlmsghdr *)message, sizeof(struct nfgenmsg), attrs,
			NFTA_TRACE_MAX, NULL) < 0 ||
	    !attrs[NFTA_TRACE_ID] || !attrs[NFTA_TRACE_TYPE])
		return false;
	event->id = get_u32(attrs[NFTA_TRACE_ID]);
	event->family = ((struct nfgenmsg *)nlmsg_data(message))->nfgen_family;
	event->layer = (int)be_u32(attrs[NFTA_TRACE_NFPROTO]);
	get_name(attrs[NFTA_TRACE_TABLE], event->table);
	get_name(attrs[NFTA_TRACE_CHAIN], event->chain);
	if (attrs[NFTA_TRACE_RULE_HANDLE] &&
	    nla_len(attrs[NFTA_TRACE_RULE_HANDLE]) == sizeof(handle))
		memcpy(&handle, nla_data(attrs[NFTA_TRACE_RULE_HANDLE]), sizeof(handle));
	event->handle = be64toh(handle);
	event->in = be_u32(attrs[NFTA_TRACE_IIF]);
	event->out = be_u32(attrs[NFTA_TRACE_OIF]);
	target_read(attrs[NFTA_TRACE_NETWORK_HEADER], attrs[NFTA_TRACE_TRANSPORT_HEADER],
		    event);
	switch (be_u32(attrs[NFTA_TRACE_TYPE])) {
	case NFT_TRACETYPE_POLICY:
		event->type = TRACE_POLICY;
		event->verdict = verdict_of(be_u32(attrs[NFTA_TRACE_POLICY]));
		return true;
	case NFT_TRACETYPE_RETURN:
		event->type = TRACE_RETURN;
		return true;
	case NFT_TRACETYPE_RULE:
		event->type = TRACE_RULE;
		verdict_read(attrs[NFTA_TRACE_VERDICT], event);
		return true;
	}
	return false;
}

int trace_read(int fd, void (*fn)(const struct trace_event *event, void *data),
	       void *data)
{
	_cleanup_(free_p) char *buffer = malloc(MESSAGE_MAX);
	int ret = buffer ? 0 : -ENOBUFS;

	for (int n = 0; buffer && n < DATAGRAMS_AT_ONCE; n++) {
		struct sockaddr_nl sender = {};
		struct nlmsghdr *message = (struct nlmsghdr *)buffer;
		ssize_t len = recvfrom(fd, buffer, MESSAGE_MAX, 0,
				       (struct sockaddr *)&sender,
				       &(socklen_t){sizeof(sender)});
		struct trace_event event;
		int left = (int)len;

		if (len < 0 && errno == ENOBUFS)
			ret = -ENOBUFS;
		else if (len < 0 && errno != EINTR)
			break;
		if (len < 0 || sender.nl_pid != 0)
			continue;
		for (; nlmsg_ok(message, left); message = nlmsg_next(message, &left))
			if (event_read(message, &event))
				fn(&event, data);
	}
	return ret;
}
