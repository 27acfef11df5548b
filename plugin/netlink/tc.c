/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Token buckets and redirections as rtnetlink messages, and back. */
#include "tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>

#include "build.h"

#define TBF_HANDLE    TC_H_MAKE(1 << 16, 0)
#define CLSACT_HANDLE TC_H_MAKE(TC_H_CLSACT, 0)
#define RECEIVED      TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define PRIORITY      1 /* of the filter */
#define TICK_NS	      64 /* the kernel's unit of time in a tc_tbf_qopt: PSCHED_SHIFT */

static struct builder begin_tc(struct netlink *nl, struct nlmsghdr *msg,
			       const struct tcmsg *header, const char *kind)
{
	struct builder b = begin(nl, msg, header, sizeof(*header));

	if (kind)
		put_string(b, TCA_KIND, kind);
	return b;
}

void queue_tbf_add(struct netlink *nl, unsigned int index, const char *name,
		   const struct tbf *tbf)
{
	struct tcmsg header = {
		.tcm_ifindex = index,
		.tcm_handle = TBF_HANDLE,
		.tcm_parent = TC_H_ROOT,
	};
	struct tc_tbf_qopt parms = {
		.rate = {.linklayer = TC_LINKLAYER_ETHERNET,
			 .rate = tbf->rate > UINT32_MAX ? UINT32_MAX : tbf->rate},
		.limit = tbf->limit,
	};
	struct builder b = begin_tc(
		nl,
		netlink_queue(nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL,
			      "limiting %s to %" PRIu64 " bit/s", name, 8 * tbf->rate),
		&header, "tbf");
	struct nlattr *options = nest(b, TCA_OPTIONS);

	put(b, TCA_TBF_PARMS, &parms, sizeof(parms));
	put(b, TCA_TBF_RATE64, &tbf->rate, sizeof(tbf->rate));
	put_u32(b, TCA_TBF_BURST, tbf->burst);
	nest_end(b, options);
	netlink_needs(nl, "sch_tbf");
}

/* Puts the redirection as the only action into @type, the attribute that a classifier has
 * for actions. */
static void put_mirred(struct builder b, int type, unsigned int to)
{
	struct tc_mirred parms = {
		.action = TC_ACT_STOLEN,
		.eaction = TCA_EGRESS_REDIR,
		.ifindex = to,
	};
	struct nlattr *actions = nest(b, type), *action = nest(b, 1), *options;

	put_string(b, TCA_ACT_KIND, "mirred");
	options = nest(b, TCA_ACT_OPTIONS);
	put(b, TCA_MIRRED_PARMS, &parms, sizeof(parms));
	nest_end(b, options);
	nest_end(b, action);
	nest_end(b, actions);
}

void queue_redirect_add(struct netlink *nl, unsigned int index, const char *name,
			unsigned int to)
{
	const struct tcmsg qdisc = {
		.tcm_ifindex = index,
		.tcm_handle = CLSACT_HANDLE,
		.tcm_parent = TC_H_CLSACT,
	};
	const struct tcmsg filter = {
		.tcm_ifindex = index,
		.tcm_parent = RECEIVED,
		.tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL)),
	};
	/* A selector without a key takes every frame. cls_matchall would be plainer, but
	 * fewer kernels have it. */
	const struct tc_u32_sel all = {.flags = TC_U32_TERMINAL};
	const int flags = NLM_F_CREATE | NLM_F_EXCL;
	struct nlattr *options;
	struct builder b;

	/* The qdisc is not of the older kind "ingress". That one ovs-vswitchd deletes from
	 * each of its ports when it is started, and it names the kind. */
	begin_tc(nl,
		 netlink_queue(nl, RTM_NEWQDISC, flags, "giving %s a clsact qdisc", name),
		 &qdisc, "clsact");
	netlink_needs(nl, "sch_ingress");

	b = begin_tc(nl,
		     netlink_queue(nl, RTM_NEWTFILTER, flags,
				   "redirecting what %s receives", name),
		     &filter, "u32");
	options = nest(b, TCA_OPTIONS);
	put(b, TCA_U32_SEL, &all, sizeof(all));
	put_mirred(b, TCA_U32_ACT, to);
	nest_end(b, options);
	netlink_needs(nl, "-a cls_u32 act_mirred");
}

static void queue_qdisc_del(struct netlink *nl, unsigned int index, uint32_t parent,
			    const char *name)
{
	const struct tcmsg header = {.tcm_ifindex = index, .tcm_parent = parent};

	begin_tc(nl, netlink_queue(nl, RTM_DELQDISC, 0, "deleting a qdisc of %s", name),
		 &header, NULL);
}

void queue_root_qdisc_del(struct netlink *nl, unsigned int index, const char *name)
{
	queue_qdisc_del(nl, index, TC_H_ROOT, name);
}

void queue_redirect_del(struct netlink *nl, unsigned int index, const char *name)
{
	queue_qdisc_del(nl, index, TC_H_CLSACT, name);
}

static int options_parse(struct nlattr **attrs, const char *kind, struct nlattr **options,
			 int max)
{
	if (!attrs[TCA_KIND] || nla_strcmp(attrs[TCA_KIND], kind) != 0 ||
	    !attrs[TCA_OPTIONS])
		return -ENOENT;
	return nla_parse_nested(options, max, attrs[TCA_OPTIONS], NULL);
}

static int tbf_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[TCA_MAX + 1], *options[TCA_TBF_MAX + 1];
	struct tc_tbf_qopt parms;
	struct tbf *tbf = data;

	if (!answer) {
		*tbf = (struct tbf){};
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct tcmsg), attrs, TCA_MAX,
			NULL) < 0)
		return -EBADMSG;
	if (options_parse(attrs, "tbf", options, TCA_TBF_MAX) < 0 ||
	    !options[TCA_TBF_PARMS] ||
	    nla_len(options[TCA_TBF_PARMS]) < (int)sizeof(parms))
		return 0;
	memcpy(&parms, nla_data(options[TCA_TBF_PARMS]), sizeof(parms));
	tbf->rate = options[TCA_TBF_RATE64] ? nla_get_u64(options[TCA_TBF_RATE64])
					    : parms.rate.rate;
	tbf->limit = parms.limit;
	tbf->burst = (double)parms.buffer * TICK_NS * tbf->rate / 1e9;
	return 0;
}

int tbf_get(struct netlink *nl, unsigned int index, struct tbf *ret_tbf,
	    struct cni_error *err)
{
	const struct tcmsg header = {.tcm_ifindex = index, .tcm_parent = TC_H_ROOT};

	/* The kernel sends a single qdisc to its listeners, and to the asker only with
	 * NLM_F_ECHO. */
	begin_tc(nl,
		 netlink_queue(nl, RTM_GETQDISC, NLM_F_ECHO,
			       "looking the qdisc of interface %u up", index),
		 &header, NULL);
	return netlink_request(nl, tbf_read, ret_tbf, 0, err);
}

/* Returns the interface that the first action redirects to; 0: it is no redirection. */
static unsigned int mirred_read(struct nlattr *actions)
{
	struct nlattr *attrs[2], *action[TCA_ACT_MAX + 1], *options[TCA_MIRRED_MAX + 1];
	struct tc_mirred parms;

	if (!actions || nla_parse_nested(attrs, 1, actions, NULL) < 0 || !attrs[1] ||
	    nla_parse_nested(action, TCA_ACT_MAX, attrs[1], NULL) < 0 ||
	    !action[TCA_ACT_KIND] || nla_strcmp(action[TCA_ACT_KIND], "mirred") != 0 ||
	    !action[TCA_ACT_OPTIONS] ||
	    nla_parse_nested(options, TCA_MIRRED_MAX, action[TCA_ACT_OPTIONS], NULL) <
		    0 ||
	    !options[TCA_MIRRED_PARMS] ||
	    nla_len(options[TCA_MIRRED_PARMS]) < (int)sizeof(parms))
		return 0;
	memcpy(&parms, nla_data(options[TCA_MIRRED_PARMS]), sizeof(parms));
	return parms.eaction == TCA_EGRESS_REDIR ? parms.ifindex : 0;
}

static int redirect_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[TCA_MAX + 1], *options[TCA_U32_MAX + 1];
	unsigned int *to = data;

	if (!answer) {
		*to = 0;
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct tcmsg), attrs, TCA_MAX,
			NULL) < 0)
		return -EBADMSG;
	if (*to == 0 && options_parse(attrs, "u32", options, TCA_U32_MAX) == 0)
		*to = mirred_read(options[TCA_U32_ACT]);
	return 0;
}

int redirect_get(struct netlink *nl, unsigned int index, unsigned int *ret_to,
		 struct cni_error *err)
{
	const struct tcmsg header = {.tcm_ifindex = index, .tcm_parent = RECEIVED};

	begin_tc(nl,
		 netlink_queue(nl, RTM_GETTFILTER, NLM_F_DUMP,
			       "listing the filters of interface %u", index),
		 &header, NULL);
	return netlink_request(nl, redirect_read, ret_to, 0, err);
}
