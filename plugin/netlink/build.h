/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the files that make messages: a message is put together from a header, attributes
 * and nests of attributes. Nothing here returns an error: the queue keeps the first one,
 * and netlink_commit() or netlink_request() returns it.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_BUILD_H
#define BRIDGE_CNI_PLUGIN_NETLINK_BUILD_H

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* A message under construction. */
struct builder {
	struct netlink *nl;
	struct nl_msg *msg;
};

static inline struct builder begin(struct netlink *nl, struct nl_msg *msg,
				   const void *header, size_t len)
{
	if (msg && nlmsg_append(msg, (void *)header, len, NLMSG_ALIGNTO) < 0)
		netlink_queue_failed(nl);
	return (struct builder){nl, msg};
}

static inline void put(struct builder b, int type, const void *data, size_t len)
{
	if (b.msg && nla_put(b.msg, type, len, data) < 0)
		netlink_queue_failed(b.nl);
}

static inline void put_u32(struct builder b, int type, uint32_t value)
{
	put(b, type, &value, sizeof(value));
}

static inline void put_string(struct builder b, int type, const char *text)
{
	put(b, type, text, strlen(text) + 1);
}

static inline void put_ip(struct builder b, int type, const struct ip_addr *addr)
{
	put(b, type, addr->bytes, ip_size(addr->family));
}

static inline struct nlattr *nest(struct builder b, int type)
{
	struct nlattr *start = b.msg ? nla_nest_start(b.msg, type) : NULL;

	if (!start)
		netlink_queue_failed(b.nl);
	return start;
}

static inline void nest_end(struct builder b, struct nlattr *start)
{
	if (b.msg && start)
		nla_nest_end(b.msg, start);
}

#endif
