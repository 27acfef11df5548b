/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes messages longer, within the room that the queue has for each. */
#include "build.h"

/* Adds @len bytes, which the caller fills in, and zeros up to where something may follow.
 * NULL: there is no message, or it would be too long. */
static void *extend(struct builder b, size_t len)
{
	size_t room = b.msg ? NETLINK_MESSAGE_MAX - b.msg->nlmsg_len : 0;
	char *end;

	if (len > room) {
		netlink_queue_failed(b.nl);
		return NULL;
	}
	end = (char *)b.msg + b.msg->nlmsg_len;
	memset(end + len, 0, NLMSG_ALIGN(len) - len);
	b.msg->nlmsg_len += NLMSG_ALIGN(len);
	return end;
}

struct builder begin(struct netlink *nl, struct nlmsghdr *msg, const void *header,
		     size_t len)
{
	struct builder b = {nl, msg};
	void *start = extend(b, len);

	if (start)
		memcpy(start, header, len);
	return b;
}

void put(struct builder b, int type, const void *data, size_t len)
{
	struct nlattr *attr = extend(b, NLA_HDRLEN + len);

	if (!attr)
		return;
	*attr = (struct nlattr){.nla_len = NLA_HDRLEN + len, .nla_type = type};
	if (len > 0)
		memcpy(attr + 1, data, len);
}

struct nlattr *nest(struct builder b, int type)
{
	struct nlattr *start = extend(b, NLA_HDRLEN);

	if (start)
		*start = (struct nlattr){.nla_type = NLA_F_NESTED | type};
	return start;
}

void nest_end(struct builder b, struct nlattr *start)
{
	size_t len;

	if (!start)
		return;
	len = (char *)b.msg + b.msg->nlmsg_len - (char *)start;
	if (len == NLA_HDRLEN)
		b.msg->nlmsg_len -= NLA_HDRLEN;
	else
		start->nla_len = len;
}
