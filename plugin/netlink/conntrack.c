/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deletes connections by a filter of the kernel, or one by one. */
#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "conf/base/list.h"
#include "nfnetlink.h"

#define DELETED_AT_ONCE 64

/* Attributes and flags of Linux 5.8, which older headers don't have. */
#define CT_FILTER	      25 /* CTA_FILTER */
#define CT_STATUS_MASK	      26 /* CTA_STATUS_MASK, later than those */
#define CT_FILTER_ORIG_FLAGS  1
#define CT_FILTER_REPLY_FLAGS 2
#define CT_FILTER_SRC	      (1 << 0)
#define CT_FILTER_DST	      (1 << 1)
#define CT_FILTER_PROTOCOL    (1 << 3)
#define CT_FILTER_SRC_PORT    (1 << 4)
#define CT_FILTER_DST_PORT    (1 << 5)

static void put_address(struct builder b, const struct ip_addr *ip, int v4, int v6)
{
	if (ip->family)
		put(b, ip->family == AF_INET ? v4 : v6, ip->bytes, ip_size(ip->family));
}

static void put_port(struct builder b, int type, uint16_t port)
{
	uint16_t number = htons(port);

	if (port)
		put(b, type, &number, sizeof(number));
}

/* Puts the parts of the tuple that @side has. Returns the flags that name these parts. */
static uint32_t put_side(struct builder b, int type, const struct conntrack_side *side)
{
	uint32_t flags = (side->src.family ? CT_FILTER_SRC : 0) |
			 (side->dst.family ? CT_FILTER_DST : 0) |
			 (side->protocol ? CT_FILTER_PROTOCOL : 0) |
			 (side->src_port ? CT_FILTER_SRC_PORT : 0) |
			 (side->dst_port ? CT_FILTER_DST_PORT : 0);
	struct nlattr *tuple, *part;

	if (!flags)
		return 0;
	tuple = nest(b, type | NLA_F_NESTED);
	if (side->src.family || side->dst.family) {
		part = nest(b, CTA_TUPLE_IP | NLA_F_NESTED);
		put_address(b, &side->src, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
		put_address(b, &side->dst, CTA_IP_V4_DST, CTA_IP_V6_DST);
		nest_end(b, part);
	}
	if (side->protocol) {
		part = nest(b, CTA_TUPLE_PROTO | NLA_F_NESTED);
		put(b, CTA_PROTO_NUM, &side->protocol, sizeof(side->protocol));
		put_port(b, CTA_PROTO_SRC_PORT, side->src_port);
		put_port(b, CTA_PROTO_DST_PORT, side->dst_port);
		nest_end(b, part);
	}
	nest_end(b, tuple);
	return flags;
}

static struct builder message(struct netlink *nl, int type, int flags, int family,
			      const char *what)
{
	return begin_nfnl(
		nl, netlink_queue(nl, NFNL_TYPE(CTNETLINK, type), flags, "%s", what),
		family);
}

static bool has_range(const struct conntrack_side *side)
{
	return side->src_port_last > side->src_port ||
	       side->dst_port_last > side->dst_port;
}

/*
 * The kernel's filter knows no ranges of ports, and it compares IPv6 addresses the wrong
 * way round: it passes over the connections that it is to find, and finds all others
 * (seen in 5.8 to 6.18).
 */
static bool is_filterable(const struct conntrack_match *match)
{
	const struct conntrack_side *orig = &match->orig, *reply = &match->reply;

	if (has_range(orig) || has_range(reply))
		return false;
	return match->family == AF_INET || (!orig->src.family && !orig->dst.family &&
					    !reply->src.family && !reply->dst.family);
}

static void put_filter(struct builder b, const struct conntrack_match *match)
{
	uint32_t orig = put_side(b, CTA_TUPLE_ORIG, &match->orig);
	uint32_t reply = put_side(b, CTA_TUPLE_REPLY, &match->reply);
	struct nlattr *filter = nest(b, CT_FILTER | NLA_F_NESTED);

	put_u32(b, CT_FILTER_ORIG_FLAGS, orig);
	put_u32(b, CT_FILTER_REPLY_FLAGS, reply);
	nest_end(b, filter);
	if (match->untranslated) {
		put_u32(b, CTA_STATUS, 0);
		put_u32(b, CT_STATUS_MASK, htonl(IPS_NAT_MASK));
	}
}

/* A connection, as far as the message that deletes it needs it. */
struct connection {
	struct nlattr *tuple; /* CTA_TUPLE_ORIG, a copy; owned */
	uint16_t zone; /* as in the message */
	uint32_t id;
};

struct list {
	const struct conntrack_match *matches;
	size_t matches_n;
	struct connection *items;
	size_t n;
};

static void list_clear(struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].tuple);
	free(list->items);
	list->items = NULL;
	list->n = 0;
}

/* The attributes of one direction of a connection, as the kernel tells it. */
struct side {
	struct nlattr *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];
};

static bool side_read(struct nlattr *tuple, struct side *side)
{
	struct nlattr *parts[CTA_TUPLE_MAX + 1];

	return tuple && nla_parse_nested(parts, CTA_TUPLE_MAX, tuple, NULL) == 0 &&
	       parts[CTA_TUPLE_IP] && parts[CTA_TUPLE_PROTO] &&
	       nla_parse_nested(side->ip, CTA_IP_MAX, parts[CTA_TUPLE_IP], NULL) == 0 &&
	       nla_parse_nested(side->proto, CTA_PROTO_MAX, parts[CTA_TUPLE_PROTO],
				NULL) == 0;
}

static bool address_matches(const struct ip_addr *wanted, struct nlattr *const *attrs,
			    int v4, int v6)
{
	const struct nlattr *found = attrs[wanted->family == AF_INET ? v4 : v6];

	return !wanted->family ||
	       (found && nla_len(found) == (int)ip_size(wanted->family) &&
		memcmp(nla_data(found), wanted->bytes, ip_size(wanted->family)) == 0);
}

static bool port_matches(uint16_t first, uint16_t last, struct nlattr *found)
{
	uint16_t port;

	if (!first)
		return true;
	if (!found || nla_len(found) != sizeof(port))
		return false;
	port = ntohs(nla_get_u16(found));
	return port >= first && port <= (last > first ? last : first);
}

static bool is_translated(const struct nlattr *status)
{
	return status && (ntohl(nla_get_u32(status)) & IPS_NAT_MASK);
}

/* Kernels before 5.8 list all there is. */
static bool side_matches(const struct conntrack_side *side, const struct side *found)
{
	return port_matches(side->dst_port, side->dst_port_last,
			    found->proto[CTA_PROTO_DST_PORT]) &&
	       port_matches(side->src_port, side->src_port_last,
			    found->proto[CTA_PROTO_SRC_PORT]) &&
	       (!side->protocol ||
		(found->proto[CTA_PROTO_NUM] &&
		 nla_get_u8(found->proto[CTA_PROTO_NUM]) == side->protocol)) &&
	       address_matches(&side->src, found->ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC) &&
	       address_matches(&side->dst, found->ip, CTA_IP_V4_DST, CTA_IP_V6_DST);
}

static bool list_wants(const struct list *list, struct nlattr *const *attrs)
{
	struct side orig, reply;

	if (!attrs[CTA_ID] || !side_read(attrs[CTA_TUPLE_ORIG], &orig) ||
	    !side_read(attrs[CTA_TUPLE_REPLY], &reply))
		return false;
	for (size_t i = 0; i < list->matches_n; i++)
		if (side_matches(&list->matches[i].orig, &orig) &&
		    side_matches(&list->matches[i].reply, &reply) &&
		    !(list->matches[i].untranslated && is_translated(attrs[CTA_STATUS])))
			return true;
	return false;
}

static int connection_note(struct list *list, struct nlattr *const *attrs)
{
	const struct nlattr *tuple = attrs[CTA_TUPLE_ORIG];
	struct connection *connection = LIST_ADD(list);

	if (!connection)
		return -ENOMEM;
	connection->tuple = malloc(tuple->nla_len);
	if (!connection->tuple)
		return -ENOMEM;
	memcpy(connection->tuple, tuple, tuple->nla_len);
	if (attrs[CTA_ZONE])
		connection->zone = nla_get_u16(attrs[CTA_ZONE]);
	connection->id = nla_get_u32(attrs[CTA_ID]);
	return 0;
}

static int connection_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[CTA_MAX + 1];
	struct list *list = data;

	if (!answer) {
		list_clear(list);
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			CTA_MAX, NULL) < 0)
		return -EBADMSG;
	return list_wants(list, attrs) ? connection_note(list, attrs) : 0;
}

/* Goes on past refusals, and returns the first one: a kernel may refuse to delete what a
 * flowtable has. */
static int list_delete(struct netlink *nl, const struct list *list, struct cni_error *err)
{
	int first = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct connection *connection = &list->items[i];
		struct builder b = message(nl, IPCTNL_MSG_CT_DELETE, 0,
					   list->matches->family,
					   "deleting a connection");
		int ret;

		put(b, CTA_TUPLE_ORIG | NLA_F_NESTED, nla_data(connection->tuple),
		    nla_len(connection->tuple));
		if (connection->zone)
			put(b, CTA_ZONE, &connection->zone, sizeof(connection->zone));
		put_u32(b, CTA_ID, connection->id);
		if (i + 1 < list->n && (i + 1) % DELETED_AT_ONCE != 0)
			continue;
		ret = netlink_commit(nl, first < 0 ? NULL : err);
		if (first < 0)
			continue;
		first = ret == -ENOENT ? error_clear(err) : ret; /* it ended meanwhile */
	}
	return first;
}

static int list_and_delete(struct netlink *nl, const struct conntrack_match *matches,
			   size_t n, struct cni_error *err)
{
	_cleanup_(list_clear) struct list list = {.matches = matches, .matches_n = n};
	struct builder b = message(nl, IPCTNL_MSG_CT_GET, NLM_F_DUMP, matches->family,
				   "listing connections");
	int ret;

	if (n == 1 && is_filterable(matches))
		put_filter(b, matches);
	ret = netlink_request(nl, connection_read, &list, 0, err);
	return ret < 0 ? ret : list_delete(nl, &list, err);
}

int conntrack_delete(struct netlink *nl, const struct conntrack_match *matches, size_t n,
		     bool may_list, struct cni_error *err)
{
	/* For each message the kernel looks at all connections of the node. */
	bool filterable = n <= DELETED_AT_ONCE;
	int ret;

	for (size_t i = 0; i < n; i++)
		filterable &= is_filterable(&matches[i]);
	for (size_t i = 0; filterable && i < n; i++)
		put_filter(message(nl, IPCTNL_MSG_CT_DELETE, 0, matches[i].family,
				   "deleting connections"),
			   &matches[i]);
	ret = filterable ? netlink_commit(nl, err) : -EOPNOTSUPP;
	if (ret != -EOPNOTSUPP && ret != -EINVAL)
		return ret;
	if (filterable)
		error_clear(err);
	return may_list ? list_and_delete(nl, matches, n, err) : CONNTRACK_NOT_DELETED;
}

/* The connections that are counted. */
struct counting {
	struct list list; /* the matches alone */
	size_t n;
};

static int connection_count(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[CTA_MAX + 1];
	struct counting *counting = data;

	if (!answer) {
		counting->n = 0;
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			CTA_MAX, NULL) < 0)
		return -EBADMSG;
	counting->n += list_wants(&counting->list, attrs);
	return 0;
}

int conntrack_count(struct netlink *nl, const struct conntrack_match *matches, size_t n,
		    size_t *ret_n, struct cni_error *err)
{
	struct counting counting = {.list = {.matches = matches, .matches_n = n}};
	int ret;

	message(nl, IPCTNL_MSG_CT_GET, NLM_F_DUMP, matches->family,
		"listing connections");
	ret = netlink_request(nl, connection_count, &counting, 0, err);
	if (ret == 0)
		*ret_n = counting.n;
	return ret;
}
