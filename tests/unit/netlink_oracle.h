/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests that hold what the plugin says to rtnetlink against libnl-route. The test plays
 * the kernel: it puts one end of a pair of sockets under a connection and has the other. What
 * the plugin's builders have sent is decoded by libnl-route; what libnl-route has built is
 * given to the plugin's readers as the kernel's answer. The machine's kernel hears nothing of
 * it, so that neither rights nor a namespace are needed. libnl-route knows rtnetlink alone: what
 * is said to nf_tables, conntrack and sock_diag is left out.
 */
#ifndef BRIDGE_CNI_TESTS_NETLINK_ORACLE_H
#define BRIDGE_CNI_TESTS_NETLINK_ORACLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/object.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/base/addr.h"
#include "plugin/netlink/netlink.h"

#define MESSAGES_MAX 4 /* that one test sends at once */
#define SEQ_MAX	     16 /* more than the numbers that one test's messages have */
#define ROOM	     4096 /* for a message, and an attribute more */
#define UNNAMED	     "unnamed"

struct oracle {
	struct netlink *nl;
	int kernel; /* the other end */
	struct nl_msg *sent[MESSAGES_MAX];
	size_t n;
	struct nl_object *decoded[MESSAGES_MAX]; /* what libnl-route makes of each */
};

#define ORACLE_TEST(f) cmocka_unit_test_setup_teardown(f, oracle_make, oracle_free)

static inline int oracle_make(void **state)
{
	struct oracle *o = calloc(1, sizeof(*o));
	int pair[2];

	/* Unlike others, this type of socket ignores to whom a message is sent. */
	if (!o || netlink_open(NETLINK_FOR_ROUTE, &o->nl, NULL) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    dup2(pair[0], netlink_fd(o->nl)) < 0)
		return -1;
	close(pair[0]);
	o->kernel = pair[1];
	*state = o;
	return 0;
}

static inline void oracle_forget(struct oracle *o)
{
	for (size_t i = 0; i < o->n; i++) {
		nl_object_put(o->decoded[i]);
		nlmsg_free(o->sent[i]);
		o->decoded[i] = NULL;
	}
	o->n = 0;
}

static inline int oracle_free(void **state)
{
	struct oracle *o = *state;

	oracle_forget(o);
	netlink_close(o->nl);
	close(o->kernel);
	free(o);
	return 0;
}

/* A copy with room for an attribute more. */
static inline struct nl_msg *message_copy(const struct nlmsghdr *header)
{
	struct nl_msg *msg = nlmsg_alloc_size(ROOM);

	assert_non_null(msg);
	assert_in_range(header->nlmsg_len, NLMSG_HDRLEN, ROOM / 2);
	memcpy(nlmsg_hdr(msg), header, header->nlmsg_len);
	nlmsg_set_proto(msg, NETLINK_ROUTE);
	return msg;
}

/*
 * Has the kernel answer what is sent next: with @answer, unless NULL, and the acknowledgement.
 * Which number the question will have is the transport's business: the answer is there for each,
 * and the transport skips those to numbers that it hasn't asked under.
 */
static inline void kernel_answers(const struct oracle *o, struct nl_msg *answer)
{
	const struct nlmsgerr success = {};
	char datagram[SEQ_MAX * ROOM];
	size_t used = 0;

	for (uint32_t seq = 1; seq <= SEQ_MAX; seq++) {
		struct nl_msg *ack = nlmsg_alloc_size(ROOM);
		struct nl_msg *both[] = {answer, ack};

		nlmsg_put(ack, 0, seq, NLMSG_ERROR, 0, 0);
		nlmsg_append(ack, (void *)&success, sizeof(success), NLMSG_ALIGNTO);
		for (size_t i = answer ? 0 : 1; i < ARRAY_SIZE(both); i++) {
			struct nlmsghdr *header = nlmsg_hdr(both[i]);

			assert_in_range(NLMSG_ALIGN(header->nlmsg_len), NLMSG_HDRLEN,
					sizeof(datagram) - used);
			header->nlmsg_seq = seq;
			memcpy(datagram + used, header, header->nlmsg_len);
			used += NLMSG_ALIGN(header->nlmsg_len);
		}
		nlmsg_free(ack);
	}
	assert_int_equal(send(o->kernel, datagram, used, 0), used);
}

/* Takes what the connection has sent: @n messages. */
static inline void kernel_receives(struct oracle *o, size_t n)
{
	char datagram[MESSAGES_MAX * ROOM];
	int len = (int)recv(o->kernel, datagram, sizeof(datagram), MSG_DONTWAIT);
	struct nlmsghdr *header = (struct nlmsghdr *)datagram;

	oracle_forget(o);
	for (; nlmsg_ok(header, len); header = nlmsg_next(header, &len)) {
		assert_in_range(o->n, 0, MESSAGES_MAX - 1);
		o->sent[o->n++] = message_copy(header);
	}
	assert_int_equal(len, 0);
	assert_int_equal(o->n, n);
}

/* Sends the queue, which must be @n messages, and takes them. */
static inline void commit(struct oracle *o, size_t n)
{
	struct cni_error err = {};

	kernel_answers(o, NULL);
	assert_int_equal(netlink_commit(o->nl, &err), 0);
	kernel_receives(o, n);
}

/* The header of message @i, which must be of this type and ask for this. */
static inline struct nlmsghdr *sent(const struct oracle *o, size_t i, int type, int flags)
{
	struct nlmsghdr *header = nlmsg_hdr(o->sent[i]);

	assert_in_range(i, 0, o->n - 1);
	assert_int_equal(header->nlmsg_type, type);
	assert_int_equal(header->nlmsg_flags & ~NLM_F_ACK, NLM_F_REQUEST | flags);
	return header;
}

static inline void decoded_take(struct nl_object *object, void *data)
{
	nl_object_get(object);
	*(struct nl_object **)data = object;
}

/* The same message as libnl-route reads it: struct rtnl_link, rtnl_addr, … */
static inline void *decoded(struct oracle *o, size_t i, int type, int flags)
{
	sent(o, i, type, flags);
	if (!o->decoded[i])
		assert_int_equal(nl_msg_parse(o->sent[i], decoded_take, &o->decoded[i]),
				 0);
	assert_non_null(o->decoded[i]);
	return o->decoded[i];
}

/*
 * For what libnl-route doesn't read: the attribute of this type, in a message behind a header of
 * @header_len bytes, or in another attribute. It must be there.
 */
static inline struct nlattr *attr_of(struct nlmsghdr *header, size_t header_len, int type)
{
	struct nlattr *attr = nlmsg_find_attr(header, (int)header_len, type);

	assert_non_null(attr);
	return attr;
}

static inline struct nlattr *attr_in(const struct nlattr *nest, int type)
{
	struct nlattr *attr = nla_find(nla_data(nest), nla_len(nest), type);

	assert_non_null(attr);
	return attr;
}

static inline void assert_attr(const struct nlattr *attr, const void *value, size_t len)
{
	assert_int_equal(nla_len(attr), len);
	assert_memory_equal(nla_data(attr), value, len);
}

static inline void assert_attr_u32(const struct nlattr *attr, uint32_t value)
{
	assert_attr(attr, &value, sizeof(value));
}

/* "10.1.2.3/24", "02:00:00:00:00:01", "none". */
static inline void assert_nl_addr(const struct nl_addr *addr, const char *text)
{
	char buf[64];

	assert_string_equal(nl_addr2str(addr, buf, sizeof(buf)), text);
}

static inline struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix parsed;

	assert_int_equal(prefix_parse(text, &parsed), 0);
	return parsed;
}

static inline struct ip_addr ip_of(const char *text)
{
	struct ip_addr parsed;

	assert_int_equal(ip_parse(text, &parsed), 0);
	return parsed;
}

/* An address of libnl's; the caller owns it. */
static inline struct nl_addr *nl_addr_of(const char *text, int family)
{
	struct nl_addr *addr = NULL;

	assert_int_equal(nl_addr_parse(text, family, &addr), 0);
	return addr;
}

#endif
