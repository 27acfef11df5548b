/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plugin/netlink.h: what the kernel doesn't know is told with the module to load. */
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

#include "../../plugin/netlink_build.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_that_the_kernel_has_not_is_told_with_its_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
