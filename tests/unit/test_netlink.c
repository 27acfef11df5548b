/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plugin/netlink/netlink.h: what the kernel doesn't know is told with the module to load, and an answer
 * is taken whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

#include "plugin/netlink/build.h"
#include "plugin/netlink/fib.h"
#include "plugin/netlink/link.h"
#include "plugin/node/sysctl.h"

#define LOOPBACK 1

static void queue_unknown_qdisc(struct netlink *nl)
{
	const struct tcmsg header = {.tcm_ifindex = LOOPBACK, .tcm_parent = TC_H_ROOT};
	struct builder b = begin(
		nl, netlink_queue(nl, RTM_NEWQDISC, NLM_F_CREATE, "giving lo a qdisc"),
		&header, sizeof(header));

	put_string(b, TCA_KIND, "no_such_kind");
}

/* Gives a connection to a network namespace of the test's own, with nothing in it. */
static struct netlink *open_in_new_namespace(void)
{
	struct cni_error err = {};
	struct netlink *nl;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
		skip();
	assert_int_equal(netlink_open(NETLINK_FOR_ROUTE, &nl, &err), 0);
	return nl;
}

static void a_kind_that_the_kernel_has_not_is_told_with_its_module(void **state)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct cni_error err = {}, plain = {};

	(void)state;
	nl = open_in_new_namespace();
	queue_unknown_qdisc(nl);
	netlink_needs(nl, "sch_such");
	assert_int_equal(netlink_commit(nl, &err), -ENOENT);
	assert_int_equal(err.code, CNI_ERR_KERNEL);
	assert_non_null(strstr(err.msg, "modprobe sch_such"));
	assert_non_null(strstr(err.msg, "giving lo a qdisc"));

	queue_unknown_qdisc(nl);
	assert_int_equal(netlink_commit(nl, &plain), -ENOENT);
	assert_null(strstr(plain.msg, "modprobe"));
}

static void assert_nothing_left(const struct netlink *nl)
{
	char byte;

	assert_int_equal(recv(netlink_fd(nl), &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static bool is_local(struct netlink *nl, struct ip_addr address)
{
	struct cni_error err = {};
	bool local;

	assert_int_equal(route_is_local(nl, &address, &local, &err), 0);
	assert_nothing_left(nl);
	return local;
}

static void each_question_gets_its_own_answer_and_leaves_nothing(void **state)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct cni_error err = {};

	(void)state;
	nl = open_in_new_namespace();
	queue_link_up(nl, LOOPBACK, "lo");
	assert_int_equal(netlink_commit(nl, &err), 0);
	for (int i = 0; i < 3; i++) {
		struct link link;

		assert_int_equal(link_get(nl, "lo", &link, &err), 0);
		assert_nothing_left(nl);
		assert_int_equal(link.index, LOOPBACK);
		assert_int_equal(link_get(nl, "none", &link, &err), 0);
		assert_nothing_left(nl);
		assert_int_equal(link.index, 0);
		assert_int_equal(link_get_by_index(nl, LOOPBACK, &link, &err), 0);
		assert_nothing_left(nl);
		assert_string_equal(link.name, "lo");
		assert_true(is_local(nl, (struct ip_addr){AF_INET, {127, 0, 0, 1}}));
		assert_false(is_local(nl, (struct ip_addr){AF_INET, {192, 0, 2, 1}}));
	}
}

static const struct {
	const char *name;
	size_t offset;
} parameters[] = {
	{"ipv4/conf/lo/forwarding", offsetof(struct link, ipv4.forwarding)},
	{"ipv4/conf/lo/route_localnet", offsetof(struct link, ipv4.route_localnet)},
	{"ipv6/conf/lo/forwarding", offsetof(struct link, ipv6.forwarding)},
	{"ipv6/conf/lo/accept_ra", offsetof(struct link, ipv6.accept_ra)},
	{"ipv6/conf/lo/disable_ipv6", offsetof(struct link, ipv6.disabled)},
	{"ipv6/conf/lo/force_forwarding", offsetof(struct link, ipv6.force_forwarding)},
};

static void a_links_parameters_are_those_of_proc(void **state)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct cni_error err = {};

	(void)state;
	nl = open_in_new_namespace();
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		for (int value = 0; value <= 1; value++) {
			struct link link;
			int ret = sysctl_ensure(value, &err, "%s", parameters[i].name);

			assert_int_equal(link_get(nl, "lo", &link, &err), 0);
			assert_int_equal(*(int *)((char *)&link + parameters[i].offset),
					 ret == -ENOENT ? -1 : value);
		}
	}
}

static void assert_alias(struct netlink *nl, const char *alias)
{
	struct cni_error err = {};
	struct link link;

	assert_int_equal(link_get(nl, "lo", &link, &err), 0);
	assert_string_equal(link.alias, alias);
}

static void a_queue_of_any_length_is_sent_whole_and_in_order(void **state)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct cni_error err = {};

	(void)state;
	nl = open_in_new_namespace();
	for (int n = 1; n < 1000; n *= 3) {
		char alias[200];

		for (int i = 0; i < n; i++) {
			memset(alias, 'a', sizeof(alias));
			snprintf(alias + 100, sizeof(alias) - 100, "%d of %d", i, n);
			queue_link_alias(nl, LOOPBACK, "lo", alias);
		}
		assert_int_equal(netlink_commit(nl, &err), 0);
		assert_nothing_left(nl);
		assert_alias(nl, alias);
	}
}

static void a_message_that_is_too_long_fails_its_queue_alone(void **state)
{
	static const char much[NETLINK_MESSAGE_MAX];
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct cni_error err = {};

	(void)state;
	nl = open_in_new_namespace();
	for (size_t room = 0; room < 8; room++) {
		const struct ifinfomsg header = {.ifi_index = LOOPBACK};
		size_t fits = NETLINK_MESSAGE_MAX - NLMSG_LENGTH(sizeof(header)) -
			      NLA_HDRLEN;
		struct builder b;

		queue_link_alias(nl, LOOPBACK, "lo", "changed");
		b = begin(nl, netlink_queue(nl, RTM_NEWLINK, 0, "changing lo"), &header,
			  sizeof(header));
		put(b, IFLA_MAX + 1, much, fits - 3 + room);
		queue_link_up(nl, LOOPBACK, "lo");
		if (room > 3) {
			assert_int_equal(netlink_commit(nl, &err), -ENOMEM);
			assert_int_equal(err.code, CNI_ERR_INTERNAL);
			error_clear(&err);
			assert_alias(nl, "first");
		} else {
			assert_int_equal(netlink_commit(nl, &err), 0);
			assert_alias(nl, "changed");
		}
		queue_link_alias(nl, LOOPBACK, "lo", "first");
		assert_int_equal(netlink_commit(nl, &err), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_that_the_kernel_has_not_is_told_with_its_module),
		cmocka_unit_test(each_question_gets_its_own_answer_and_leaves_nothing),
		cmocka_unit_test(a_links_parameters_are_those_of_proc),
		cmocka_unit_test(a_queue_of_any_length_is_sent_whole_and_in_order),
		cmocka_unit_test(a_message_that_is_too_long_fails_its_queue_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
