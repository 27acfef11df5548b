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

static void a_kind_that_the_kernel_has_not_is_told_with_its_module(void **state)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct cni_error err = {}, plain = {};

	(void)state;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
		skip();
	assert_int_equal(netlink_open(NETLINK_FOR_ROUTE, &nl, &err), 0);
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
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
		skip();
	assert_int_equal(netlink_open(NETLINK_FOR_ROUTE, &nl, &err), 0);
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
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
		skip();
	assert_int_equal(netlink_open(NETLINK_FOR_ROUTE, &nl, &err), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_that_the_kernel_has_not_is_told_with_its_module),
		cmocka_unit_test(each_question_gets_its_own_answer_and_leaves_nothing),
		cmocka_unit_test(a_links_parameters_are_those_of_proc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
