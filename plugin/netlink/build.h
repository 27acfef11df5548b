/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the files that make messages: a message is put together from a header, attributes
 * and nests of attributes, right where the queue sends it from. Nothing here returns an
 * error: the queue keeps the first one, and netlink_commit() or netlink_request() returns
 * it.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_BUILD_H
#define BRIDGE_CNI_PLUGIN_NETLINK_BUILD_H

#include <linux/netlink.h>
#include <string.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* A message under construction. */
struct builder {
	struct netlink *nl;
	struct nlmsghdr *msg;
};

/* Starts the body of @msg, which the queue has given, or which is NULL. */
struct builder begin(struct netlink *nl, struct nlmsghdr *msg, const void *header,
		     size_t len);

void put(struct builder b, int type, const void *data, size_t len);

/* A nest has what is put until its end, and is left out where that is nothing. */
struct nlattr *nest(struct builder b, int type);
void nest_end(struct builder b, struct nlattr *start);

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

#endif
