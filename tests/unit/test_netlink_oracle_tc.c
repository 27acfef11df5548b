/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queueing disciplines and filters that the plugin makes and deletes, as libnl-route reads
 * them. */
#include "netlink_oracle.h"

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/route/act/mirred.h>
#include <netlink/route/action.h>
#include <netlink/route/classifier.h>
#include <netlink/route/cls/u32.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>

#include "plugin/netlink/fence.h"
#include "plugin/netlink/tc.h"

#define INDEX 7
#define TO    9
#define MADE  (NLM_F_CREATE | NLM_F_EXCL)

/* tc(8) writes them "ffff:", "ffff:fff2" and "ffff:fff3". */
#define CLSACT	 TC_HANDLE(0xffffU, 0)
#define RECEIVED TC_HANDLE(0xffffU, 0xfff2)
#define SENT	 TC_HANDLE(0xffffU, 0xfff3)

static struct rtnl_tc *tc_sent(struct oracle *o, size_t i, int type, int asked,
			       const char *kind, uint32_t handle, uint32_t parent)
{
	struct rtnl_tc *tc = TC_CAST(decoded(o, i, type, asked));

	assert_string_equal(rtnl_tc_get_kind(tc), kind);
	assert_int_equal(rtnl_tc_get_ifindex(tc), INDEX);
	assert_int_equal(rtnl_tc_get_handle(tc), handle);
	assert_int_equal(rtnl_tc_get_parent(tc), parent);
	return tc;
}

/* A message without a kind, which libnl-route doesn't read: it is all in the header. */
static void assert_header(const struct oracle *o, size_t i, int type, int asked,
			  uint32_t parent)
{
	const struct tcmsg wanted = {.tcm_ifindex = INDEX, .tcm_parent = parent};
	const struct nlmsghdr *header = sent(o, i, type, asked);

	assert_int_equal(header->nlmsg_len, NLMSG_LENGTH(sizeof(wanted)));
	assert_memory_equal(nlmsg_data(header), &wanted, sizeof(wanted));
}

static struct nlattr *option(const struct oracle *o, size_t i, int type)
{
	return attr_in(attr_of(nlmsg_hdr(o->sent[i]), sizeof(struct tcmsg), TCA_OPTIONS),
		       type);
}

static void a_token_bucket_filter(void **state)
{
	static const struct {
		struct tbf tbf;
		uint32_t rate; /* in the field of 32 bits */
	} cases[] = {
		{{1250000, 20000, 35000}, 1250000},
		{{UINT64_C(12500000000), 200000, 350000}, UINT32_MAX},
	};
	struct oracle *o = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct tbf *tbf = &cases[i].tbf;
		struct rtnl_tc *tc;

		queue_tbf_add(o->nl, INDEX, "veth0", tbf);
		commit(o, 1);
		tc = tc_sent(o, 0, RTM_NEWQDISC, MADE, "tbf", TC_HANDLE(1, 0), TC_H_ROOT);
		assert_int_equal(rtnl_qdisc_tbf_get_limit((struct rtnl_qdisc *)tc),
				 tbf->limit);
		assert_int_equal(
			(uint32_t)rtnl_qdisc_tbf_get_rate((struct rtnl_qdisc *)tc),
			cases[i].rate);
		/* libnl-route 3.7 knows the rate of 32 bits and no bucket in bytes. */
		assert_attr(option(o, 0, TCA_TBF_RATE64), &tbf->rate, sizeof(tbf->rate));
		assert_attr_u32(option(o, 0, TCA_TBF_BURST), tbf->burst);
	}
}

static void assert_redirects(struct rtnl_cls *filter)
{
	struct rtnl_act *action = rtnl_u32_get_action(filter);
	uint32_t value, mask;
	int offset, offset_mask;

	assert_non_null(action);
	assert_string_equal(rtnl_tc_get_kind(TC_CAST(action)), "mirred");
	assert_int_equal(rtnl_mirred_get_action(action), TCA_EGRESS_REDIR);
	assert_int_equal(rtnl_mirred_get_policy(action), TC_ACT_STOLEN);
	assert_int_equal(rtnl_mirred_get_ifindex(action), TO);
	/* No key: every frame. */
	assert_int_equal(rtnl_u32_get_key(filter, 0, &value, &mask, &offset,
					  &offset_mask),
			 -NLE_RANGE);
}

static void a_redirection_of_what_an_interface_receives(void **state)
{
	const struct tc_u32_sel *selector;
	struct oracle *o = *state;
	struct rtnl_cls *filter;

	queue_redirect_add(o->nl, INDEX, "veth0", TO);
	commit(o, 2);
	tc_sent(o, 0, RTM_NEWQDISC, MADE, "clsact", CLSACT, TC_H_CLSACT);
	filter = (struct rtnl_cls *)tc_sent(o, 1, RTM_NEWTFILTER, MADE, "u32", 0,
					    RECEIVED);
	assert_int_equal(rtnl_cls_get_prio(filter), 1);
	assert_int_equal(rtnl_cls_get_protocol(filter), ETH_P_ALL);
	assert_redirects(filter);
	/* libnl-route has no function that tells the selector's flags. */
	selector = nla_data(option(o, 1, TCA_U32_SEL));
	assert_int_equal(selector->flags, TC_U32_TERMINAL);
}

static void ends_of_qdiscs(void **state)
{
	struct oracle *o = *state;

	queue_root_qdisc_del(o->nl, INDEX, "veth0");
	queue_redirect_del(o->nl, INDEX, "veth0");
	commit(o, 2);
	assert_header(o, 0, RTM_DELQDISC, 0, TC_H_ROOT);
	assert_header(o, 1, RTM_DELQDISC, 0, TC_H_CLSACT);
}

/* The qdisc goes first, in a message of its own, as it may be there already. */
static void fence_make(struct oracle *o)
{
	struct cni_error err = {};

	kernel_answers(o, NULL);
	kernel_answers(o, NULL);
	assert_int_equal(fence_add(o->nl, INDEX, "cni0", FENCE_BESIDE, &err), 0);
	kernel_receives(o, 1);
	tc_sent(o, 0, RTM_NEWQDISC, NLM_F_CREATE, "clsact", CLSACT, TC_H_CLSACT);
	kernel_receives(o, 1);
}

static void a_fence(void **state)
{
	struct oracle *o = *state;
	struct rtnl_cls *filter;

	fence_make(o);
	filter = (struct rtnl_cls *)tc_sent(o, 0, RTM_NEWTFILTER, MADE, "bpf",
					    FENCE_BESIDE, RECEIVED);
	assert_int_equal(rtnl_cls_get_prio(filter), 127);
	assert_int_equal(rtnl_cls_get_protocol(filter), ETH_P_IP);
	/* libnl-route 3.7 reads no options of this kind. */
	assert_attr_u32(option(o, 0, TCA_BPF_FLAGS), TCA_BPF_FLAG_ACT_DIRECT);
	assert_int_equal(nla_len(option(o, 0, TCA_BPF_OPS)),
			 8 * nla_get_u16(option(o, 0, TCA_BPF_OPS_LEN)));
}

/* Deletes the fence of which the kernel tells, with a filter of somebody else's, unless NULL,
 * in the other direction. The kernel is asked for both; message 0 is the third, then. */
static void fence_delete(struct oracle *o, struct nl_msg *fence, struct nl_msg *other)
{
	struct cni_error err = {};

	kernel_answers(o, fence);
	kernel_answers(o, other);
	kernel_answers(o, NULL);
	assert_int_equal(fence_del(o->nl, INDEX, "cni0", &err), 0);
	kernel_receives(o, 1);
	assert_header(o, 0, RTM_GETTFILTER, NLM_F_DUMP, RECEIVED);
	kernel_receives(o, 1);
	assert_header(o, 0, RTM_GETTFILTER, NLM_F_DUMP, SENT);
	kernel_receives(o, 1);
}

static void a_fence_found_and_deleted(void **state)
{
	struct rtnl_cls *somebodys = rtnl_cls_alloc(), *filter;
	struct oracle *o = *state;
	struct nl_msg *fence, *other = NULL;
	struct cni_error err = {};
	enum fence found;

	fence_make(o);
	fence = message_copy(nlmsg_hdr(o->sent[0]));
	assert_int_equal(rtnl_tc_set_kind(TC_CAST(somebodys), "u32"), 0);
	rtnl_tc_set_ifindex(TC_CAST(somebodys), INDEX);
	rtnl_tc_set_handle(TC_CAST(somebodys), 1);
	rtnl_cls_set_prio(somebodys, 1);
	assert_int_equal(rtnl_cls_build_add_request(somebodys, 0, &other), 0);

	kernel_answers(o, fence);
	assert_int_equal(fence_get(o->nl, INDEX, &found, &err), 0);
	assert_int_equal(found, FENCE_BESIDE);
	kernel_receives(o, 1);
	assert_header(o, 0, RTM_GETTFILTER, NLM_F_DUMP, RECEIVED);

	fence_delete(o, fence, NULL);
	tc_sent(o, 0, RTM_DELQDISC, 0, "clsact", CLSACT, TC_H_CLSACT);
	fence_delete(o, fence, other);
	filter = (struct rtnl_cls *)tc_sent(o, 0, RTM_DELTFILTER, 0, "bpf", FENCE_BESIDE,
					    RECEIVED);
	assert_int_equal(rtnl_cls_get_prio(filter), 127);
	assert_int_equal(rtnl_cls_get_protocol(filter), ETH_P_IP);
	nlmsg_free(fence);
	nlmsg_free(other);
	rtnl_cls_put(somebodys);
}

static void a_token_bucket_filter_that_libnl_tells_of_is_read(void **state)
{
	struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();
	struct oracle *o = *state;
	struct nl_msg *told = NULL;
	struct cni_error err = {};
	struct tbf tbf;

	rtnl_tc_set_ifindex(TC_CAST(qdisc), INDEX);
	rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
	assert_int_equal(rtnl_tc_set_kind(TC_CAST(qdisc), "tbf"), 0);
	/* 64,000 bytes at 1 MB/s take a million of the kernel's ticks. */
	rtnl_qdisc_tbf_set_rate(qdisc, 1000000, 64000, 0);
	rtnl_qdisc_tbf_set_limit(qdisc, 35000);
	assert_int_equal(rtnl_qdisc_build_add_request(qdisc, 0, &told), 0);
	kernel_answers(o, told);
	assert_int_equal(tbf_get(o->nl, INDEX, &tbf, &err), 0);
	kernel_receives(o, 1);
	assert_header(o, 0, RTM_GETQDISC, NLM_F_ECHO, TC_H_ROOT);
	assert_int_equal(tbf.rate, 1000000);
	assert_int_equal(tbf.burst, 64000);
	assert_int_equal(tbf.limit, 35000);
	nlmsg_free(told);
	rtnl_qdisc_put(qdisc);
}

static void a_redirection_that_libnl_tells_of_is_read(void **state)
{
	struct rtnl_cls *filter = rtnl_cls_alloc();
	struct rtnl_act *action = rtnl_act_alloc();
	struct oracle *o = *state;
	struct nl_msg *told = NULL;
	struct cni_error err = {};
	unsigned int to;

	assert_int_equal(rtnl_tc_set_kind(TC_CAST(filter), "u32"), 0);
	rtnl_tc_set_ifindex(TC_CAST(filter), INDEX);
	rtnl_cls_set_prio(filter, 1);
	rtnl_cls_set_protocol(filter, ETH_P_ALL);
	assert_int_equal(rtnl_tc_set_kind(TC_CAST(action), "mirred"), 0);
	rtnl_mirred_set_action(action, TCA_EGRESS_REDIR);
	rtnl_mirred_set_policy(action, TC_ACT_STOLEN);
	rtnl_mirred_set_ifindex(action, TO);
	assert_int_equal(rtnl_u32_add_action(filter, action), 0);
	assert_int_equal(rtnl_cls_build_add_request(filter, 0, &told), 0);
	kernel_answers(o, told);
	assert_int_equal(redirect_get(o->nl, INDEX, &to, &err), 0);
	kernel_receives(o, 1);
	assert_header(o, 0, RTM_GETTFILTER, NLM_F_DUMP, RECEIVED);
	assert_int_equal(to, TO);
	nlmsg_free(told);
	rtnl_act_put(action);
	rtnl_cls_put(filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORACLE_TEST(a_token_bucket_filter),
		ORACLE_TEST(a_redirection_of_what_an_interface_receives),
		ORACLE_TEST(ends_of_qdiscs),
		ORACLE_TEST(a_fence),
		ORACLE_TEST(a_fence_found_and_deleted),
		ORACLE_TEST(a_token_bucket_filter_that_libnl_tells_of_is_read),
		ORACLE_TEST(a_redirection_that_libnl_tells_of_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
