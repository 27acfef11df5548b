/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists sockets. The kernel filters them by a program over their ports. */
#include "sock_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "build.h"
#include "conf/base/list.h"

/* The kernel checks each jump of the program by walking it: of more ranges, only the
 * whole span is filtered there. */
#define FILTER_RANGES_MAX 32

struct query {
	const struct port_range_list *ports;
	struct socket_list *list;
	size_t before;
	int family, protocol;
};

void socket_list_clear(struct socket_list *list)
{
	free(list->items);
	*list = (struct socket_list){};
}

/*
 * The operations for one range: a port below FIRST or above LAST goes on to the next
 * range, any other to the end. The port of a comparison stands in the operation behind
 * it.
 */
struct range_ops {
	struct inet_diag_bc_op from, first, to, last, end;
};

static void put_filter(struct builder b, const struct port_range_list *ports)
{
	struct range_ops ops[FILTER_RANGES_MAX];
	const struct port_range all = {ports->items[0].first,
				       ports->items[ports->n - 1].last};
	bool fits = ports->n <= FILTER_RANGES_MAX;
	size_t n = fits ? ports->n : 1;

	for (size_t i = 0; i < n; i++) {
		const struct port_range *range = fits ? &ports->items[i] : &all;

		/* A port that isn't in the range goes to the next one, or past the
		 * end. */
		ops[i] = (struct range_ops){
			.from = {INET_DIAG_BC_S_GE, 8, sizeof(ops[i])},
			.first = {.no = range->first},
			.to = {INET_DIAG_BC_S_LE, 8, 12},
			.last = {.no = range->last},
			.end = {INET_DIAG_BC_JMP, 4, (n - 1 - i) * sizeof(ops[i])},
		};
	}
	/* The last one needs no jump: it is at the end there. */
	put(b, INET_DIAG_REQ_BYTECODE, ops, n * sizeof(ops[0]) - sizeof(ops[0].end));
}

static bool is_asked_for(const struct port_range_list *ports, uint16_t port)
{
	size_t low = 0, high = ports->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (port > ports->items[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ports->n && port >= ports->items[low].first;
}

static int socket_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[INET_DIAG_MAX + 1];
	const struct inet_diag_msg *msg;
	struct query *query = data;
	struct socket_seen seen = {.protocol = query->protocol}, *item;

	if (!answer) {
		query->list->n = query->before;
		return 0;
	}
	msg = nlmsg_data(answer);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*msg), attrs, INET_DIAG_MAX,
			NULL) < 0)
		return -EBADMSG;
	seen.port = ntohs(msg->id.idiag_sport);
	if (msg->idiag_family != query->family || !is_asked_for(query->ports, seen.port))
		return 0;
	seen.addr.family = query->family;
	memcpy(seen.addr.bytes, msg->id.idiag_src, ip_size(query->family));
	seen.v6_only = attrs[INET_DIAG_SKV6ONLY] && nla_len(attrs[INET_DIAG_SKV6ONLY]) &&
		       nla_get_u8(attrs[INET_DIAG_SKV6ONLY]);
	seen.inode = msg->idiag_inode;
	item = LIST_ADD(query->list);
	if (!item)
		return -ENOMEM;
	*item = seen;
	return 0;
}

int sockets_get(struct netlink *nl, int family, int protocol,
		const struct port_range_list *ports, struct socket_list *list,
		struct cni_error *err)
{
	const int state = protocol == IPPROTO_UDP ? TCP_CLOSE : TCP_LISTEN;
	const struct inet_diag_req_v2 header = {
		.sdiag_family = family,
		.sdiag_protocol = protocol,
		.idiag_states = 1 << state,
	};
	struct query query = {ports, list, list->n, family, protocol};
	struct builder b = begin(nl,
				 netlink_queue(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP,
					       "listing the sockets on some ports"),
				 &header, sizeof(header));

	put_filter(b, ports);
	if (protocol > UINT8_MAX)
		put_u32(b, INET_DIAG_REQ_PROTOCOL, protocol);
	return netlink_request(nl, socket_read, &query, 0, err);
}
