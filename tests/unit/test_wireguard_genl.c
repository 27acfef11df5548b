/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/tunnel/wireguard_genl.h: the answers of a kernel that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/wireguard.h>
#include <malloc.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "deploy/agent/tunnel/wireguard_genl.h"

#define FAMILY 29
#define SEQ    4711
#define SECRET "the private key has these bytes!"

/* What the kernel sends, in this order; @from is another process' port where it isn't 0. */
struct sent {
	struct nl_msg *msg;
	uint32_t from;
	bool truncated; /* it is longer than any buffer */
	int errnum; /* receiving it fails */
};

static struct sent sent[64];
static size_t n_sent, n_received;
static int rounds; /* requests so far */
static bool leaked; /* memory was freed that had the secret in it */

int __wrap_genl_connect(struct nl_sock *sock);
int __wrap_genl_connect(struct nl_sock *sock)
{
	(void)sock;
	return 0;
}

int __wrap_genl_ctrl_resolve(struct nl_sock *sock, const char *name);
int __wrap_genl_ctrl_resolve(struct nl_sock *sock, const char *name)
{
	(void)sock;
	assert_string_equal(name, "wireguard");
	return FAMILY;
}

int __wrap_nl_send_auto(struct nl_sock *sock, struct nl_msg *msg);
int __wrap_nl_send_auto(struct nl_sock *sock, struct nl_msg *msg)
{
	(void)sock;
	assert_int_equal(nlmsg_hdr(msg)->nlmsg_type, FAMILY);
	nlmsg_hdr(msg)->nlmsg_seq = SEQ;
	rounds++;
	return 0;
}

ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len);
ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len)
{
	const struct sent *next = &sent[n_received++];
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK, .nl_pid = next->from};
	uint32_t len;

	(void)fd;
	assert_true(n_received <= n_sent);
	assert_true(flags & MSG_TRUNC);
	if (next->errnum) {
		errno = next->errnum;
		return -1;
	}
	len = nlmsg_hdr(next->msg)->nlmsg_len;
	assert_true(len <= size);
	memcpy(buf, nlmsg_hdr(next->msg), len);
	memcpy(from, &kernel, sizeof(kernel));
	*from_len = sizeof(kernel);
	return next->truncated ? (ssize_t)size + 1 : (ssize_t)len;
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
	if (memory && memmem(memory, malloc_usable_size(memory), SECRET, strlen(SECRET)))
		leaked = true;
	__real_free(memory);
}

static struct sent *send_message(int type, int flags, const void *data, size_t len)
{
	struct sent *item = &sent[n_sent++];
	struct nlmsghdr *header;

	item->msg = nlmsg_alloc();
	header = nlmsg_put(item->msg, 0, SEQ, type, 0, flags);
	assert_non_null(header);
	if (data)
		assert_int_equal(
			nlmsg_append(item->msg, (void *)data, len, NLMSG_ALIGNTO), 0);
	return item;
}

static struct sent *send_status(int type, int status)
{
	const struct nlmsgerr answer = {.error = status};

	return send_message(type, 0, &answer,
			    type == NLMSG_DONE ? sizeof(int) : sizeof(answer));
}

/* A part of a dump, with a port and the private key. */
static struct sent *send_device(uint16_t port, int flags)
{
	const struct genlmsghdr header = {.cmd = WG_CMD_GET_DEVICE};
	struct sent *item = send_message(FAMILY, flags, &header, sizeof(header));

	assert_int_equal(nla_put_u16(item->msg, WGDEVICE_A_LISTEN_PORT, port), 0);
	assert_int_equal(nla_put(item->msg, WGDEVICE_A_PRIVATE_KEY, WG_KEY_LEN, SECRET),
			 0);
	return item;
}

struct seen {
	unsigned int begun, ports[4];
	size_t n;
	int ret; /* what the next call returns */
};

static int see(struct nlattr *const *attrs, void *data)
{
	struct seen *seen = data;

	if (!attrs) {
		seen->begun++;
		seen->n = 0;
		return 0;
	}
	assert_memory_equal(nla_data(attrs[WGDEVICE_A_PRIVATE_KEY]), SECRET, WG_KEY_LEN);
	assert_true(seen->n < 4);
	seen->ports[seen->n++] = nla_get_u16(attrs[WGDEVICE_A_LISTEN_PORT]);
	return seen->ret;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_sent; i++)
		if (sent[i].msg) {
			struct nlmsghdr *header = nlmsg_hdr(sent[i].msg);

			explicit_bzero(header, header->nlmsg_len);
			nlmsg_free(sent[i].msg);
		}
	memset(sent, 0, sizeof(sent));
	n_sent = n_received = 0;
	rounds = 0;
	leaked = false;
	return 0;
}

static int dump(struct seen *seen, struct cni_error *err)
{
	struct wireguard_genl *genl;
	int ret;

	assert_int_equal(wireguard_genl_open(&genl, NULL), 0);
	ret = wireguard_genl_dump(genl, 7, see, seen, "reading bcni-wg", err);
	wireguard_genl_close(genl);
	assert_false(leaked);
	assert_int_equal(n_received, n_sent);
	return ret;
}

static int change(struct cni_error *err)
{
	struct wireguard_genl *genl;
	struct nl_msg *msg;
	int ret;

	assert_int_equal(wireguard_genl_open(&genl, NULL), 0);
	msg = wireguard_genl_begin(genl, WG_CMD_SET_DEVICE, 7);
	assert_non_null(msg);
	assert_int_equal(nla_put(msg, WGDEVICE_A_PRIVATE_KEY, WG_KEY_LEN, SECRET), 0);
	ret = wireguard_genl_change(genl, msg, "changing bcni-wg", err);
	wireguard_genl_free(msg);
	wireguard_genl_close(genl);
	assert_false(leaked);
	assert_int_equal(n_received, n_sent);
	return ret;
}

/* -- the tests */

static void test_a_dump_is_read_to_its_end_and_no_key_is_left(void **state)
{
	struct seen seen = {};

	(void)state;
	send_device(1, NLM_F_MULTI);
	send_device(2, NLM_F_MULTI);
	send_status(NLMSG_DONE, 0);
	assert_int_equal(dump(&seen, NULL), 0);
	assert_int_equal(seen.begun, 1);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.ports[1], 2);
}

static void test_what_others_send_is_not_the_kernels(void **state)
{
	struct seen seen = {};

	(void)state;
	send_device(1, NLM_F_MULTI)->from = 1234;
	send_status(NLMSG_ERROR, -EPERM)->from = 1234;
	nlmsg_hdr(send_device(2, NLM_F_MULTI)->msg)->nlmsg_seq = SEQ - 1;
	nlmsg_hdr(send_status(NLMSG_ERROR, -EPERM)->msg)->nlmsg_seq = SEQ - 1;
	send_device(3, NLM_F_MULTI);
	send_status(NLMSG_DONE, 0);
	assert_int_equal(dump(&seen, NULL), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.ports[0], 3);
}

static void test_an_interrupted_dump_is_asked_for_again(void **state)
{
	struct cni_error err = {};
	struct seen seen = {};

	(void)state;
	send_device(1, NLM_F_MULTI | NLM_F_DUMP_INTR);
	send_status(NLMSG_DONE, 0);
	send_device(2, NLM_F_MULTI);
	nlmsg_hdr(send_status(NLMSG_DONE, 0)->msg)->nlmsg_flags |= NLM_F_DUMP_INTR;
	send_device(3, NLM_F_MULTI);
	send_status(NLMSG_DONE, 0);
	assert_int_equal(dump(&seen, NULL), 0);
	assert_int_equal(seen.begun, 3);
	assert_int_equal(seen.ports[0], 3);
	end(NULL);
	for (int i = 0; i < 17; i++)
		nlmsg_hdr(send_status(NLMSG_DONE, 0)->msg)->nlmsg_flags |=
			NLM_F_DUMP_INTR;
	assert_true(dump(&seen, &err) < 0);
	assert_int_equal(err.code, CNI_ERR_TRY_AGAIN);
	assert_int_equal(rounds, 17);
}

static void test_the_kernels_error_is_told_as_it_is(void **state)
{
	static const int types[] = {NLMSG_ERROR, NLMSG_DONE};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cni_error err = {};
		struct seen seen = {};

		send_device(1, NLM_F_MULTI);
		send_status(types[i], -ENODEV);
		assert_int_equal(dump(&seen, &err), -ENODEV);
		assert_int_equal(err.code, CNI_ERR_KERNEL);
		assert_non_null(strstr(err.msg, "reading bcni-wg"));
		end(NULL);
	}
	send_status(NLMSG_ERROR, -EADDRINUSE);
	assert_int_equal(change(NULL), -EADDRINUSE);
}

static void test_a_reader_that_stops_is_told_no_more(void **state)
{
	struct seen seen = {.ret = -ENOMEM};

	(void)state;
	send_device(1, NLM_F_MULTI);
	send_device(2, NLM_F_MULTI);
	send_status(NLMSG_DONE, 0);
	assert_int_equal(dump(&seen, NULL), -ENOMEM);
	assert_int_equal(seen.n, 1);
}

static void test_an_answer_that_can_t_be_received_is_an_error(void **state)
{
	struct seen seen = {};

	(void)state;
	sent[n_sent++].errnum = EINTR;
	send_device(1, NLM_F_MULTI);
	sent[n_sent++].errnum = ENOBUFS;
	assert_int_equal(dump(&seen, NULL), -ENOBUFS);
	end(NULL);
	send_device(1, NLM_F_MULTI)->truncated = true;
	assert_int_equal(dump(&seen, NULL), -EMSGSIZE);
}

static void test_a_change_waits_until_it_is_acknowledged(void **state)
{
	(void)state;
	send_status(NLMSG_ERROR, 0);
	assert_int_equal(change(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			test_a_dump_is_read_to_its_end_and_no_key_is_left, end),
		cmocka_unit_test_teardown(test_what_others_send_is_not_the_kernels, end),
		cmocka_unit_test_teardown(test_an_interrupted_dump_is_asked_for_again,
					  end),
		cmocka_unit_test_teardown(test_the_kernels_error_is_told_as_it_is, end),
		cmocka_unit_test_teardown(test_a_reader_that_stops_is_told_no_more, end),
		cmocka_unit_test_teardown(
			test_an_answer_that_can_t_be_received_is_an_error, end),
		cmocka_unit_test_teardown(test_a_change_waits_until_it_is_acknowledged,
					  end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
