/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The qdisc and the filter of the fence as rtnetlink messages, and back. */
#include "fence.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "build.h"

#define PREFERENCE 127 /* of the filter; a filter with a lower one comes first */
#define INGRESS	   TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS	   TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

/* Offsets in an IPv4 header, whatever the length of the link's header in front of it. */
#define SOURCE	    (SKF_NET_OFF + 12)
#define DESTINATION (SKF_NET_OFF + 16)
#define MARK	    (SKF_AD_OFF + SKF_AD_MARK)

static const struct sock_filter program[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SOURCE),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IN_LOOPBACKNET, 4, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, DESTINATION),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IN_LOOPBACKNET, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, MARK),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FENCE_PASS_MARK, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, TC_ACT_SHOT),
	BPF_STMT(BPF_RET | BPF_K, (uint32_t)TC_ACT_UNSPEC),
};

static struct builder begin_filter(struct netlink *nl, struct nlmsghdr *msg,
				   unsigned int index, uint32_t handle)
{
	const struct tcmsg header = {
		.tcm_ifindex = index,
		.tcm_handle = handle,
		.tcm_parent = INGRESS,
		.tcm_info = TC_H_MAKE(PREFERENCE << 16, htons(ETH_P_IP)),
	};
	struct builder b = begin(nl, msg, &header, sizeof(header));

	put_string(b, TCA_KIND, "bpf");
	return b;
}

static void queue_qdisc(struct netlink *nl, struct nlmsghdr *msg, unsigned int index,
			const char *kind)
{
	const struct tcmsg header = {
		.tcm_ifindex = index,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		.tcm_parent = TC_H_CLSACT,
	};

	put_string(begin(nl, msg, &header, sizeof(header)), TCA_KIND, kind);
}

static void queue_filter(struct netlink *nl, unsigned int index, const char *name,
			 enum fence fence)
{
	const uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;
	const uint16_t len = ARRAY_SIZE(program);
	struct builder b = begin_filter(
		nl,
		netlink_queue(nl, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL,
			      "fencing 127.0.0.0/8 off from what %s receives", name),
		index, fence);
	struct nlattr *options = nest(b, TCA_OPTIONS);

	put(b, TCA_BPF_OPS_LEN, &len, sizeof(len));
	put(b, TCA_BPF_OPS, program, sizeof(program));
	put(b, TCA_BPF_FLAGS, &flags, sizeof(flags));
	nest_end(b, options);
	netlink_needs(nl, "-a sch_ingress cls_bpf");
}

int fence_add(struct netlink *nl, unsigned int index, const char *name, enum fence fence,
	      struct cni_error *err)
{
	int ret;

	/*
	 * Without NLM_F_EXCL a clsact qdisc that is there already is no error. One of the
	 * older kind "ingress" is an error, but serves as well: whether there is a qdisc
	 * that serves shows when the filter is added.
	 */
	queue_qdisc(nl,
		    netlink_queue(nl, RTM_NEWQDISC, NLM_F_CREATE,
				  "giving %s a clsact qdisc", name),
		    index, "clsact");
	netlink_commit(nl, NULL);
	queue_filter(nl, index, name, fence);
	ret = netlink_commit(nl, err);
	return ret == -EEXIST ? error_clear(err) : ret;
}

struct filters {
	enum fence fence;
	bool others;
};

static bool is_fence(const struct tcmsg *header, struct nlattr **attrs)
{
	struct nlattr *options[TCA_BPF_MAX + 1];

	return TC_H_MAJ(header->tcm_info) == PREFERENCE << 16 &&
	       (header->tcm_handle == FENCE_OURS || header->tcm_handle == FENCE_BESIDE) &&
	       nla_strcmp(attrs[TCA_KIND], "bpf") == 0 && attrs[TCA_OPTIONS] &&
	       nla_parse_nested(options, TCA_BPF_MAX, attrs[TCA_OPTIONS], NULL) == 0 &&
	       options[TCA_BPF_OPS] && nla_len(options[TCA_BPF_OPS]) == sizeof(program) &&
	       memcmp(nla_data(options[TCA_BPF_OPS]), program, sizeof(program)) == 0;
}

static int filter_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[TCA_MAX + 1];
	const struct tcmsg *header;
	struct filters *filters = data;

	if (!answer) {
		*filters = (struct filters){};
		return 0;
	}
	header = nlmsg_data(answer);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, TCA_MAX,
			NULL) < 0)
		return -EBADMSG;
	/* The kernel lists a classifier once without handle and options, and then each of
	 * its filters. */
	if (!header->tcm_handle || !attrs[TCA_KIND])
		return 0;
	if (is_fence(header, attrs))
		filters->fence = header->tcm_handle;
	else
		filters->others = true;
	return 0;
}

/* Lists the filters of one direction. Without the qdisc there are none. */
static int filters_get(struct netlink *nl, unsigned int index, uint32_t parent,
		       struct filters *ret_filters, struct cni_error *err)
{
	const struct tcmsg header = {.tcm_ifindex = index, .tcm_parent = parent};

	begin(nl,
	      netlink_queue(nl, RTM_GETTFILTER, NLM_F_DUMP,
			    "listing the filters of interface %u", index),
	      &header, sizeof(header));
	return netlink_request(nl, filter_read, ret_filters, 0, err);
}

int fence_get(struct netlink *nl, unsigned int index, enum fence *ret_fence,
	      struct cni_error *err)
{
	struct filters filters;
	int ret = filters_get(nl, index, INGRESS, &filters, err);

	if (ret == 0)
		*ret_fence = filters.fence;
	return ret;
}

int fence_del(struct netlink *nl, unsigned int index, const char *name,
	      struct cni_error *err)
{
	struct filters in = {}, out = {};
	int ret = filters_get(nl, index, INGRESS, &in, err);

	if (ret == 0)
		ret = filters_get(nl, index, EGRESS, &out, err);
	if (ret < 0 || in.fence == FENCE_NONE)
		return ret;
	if (in.others || out.others)
		begin_filter(nl,
			     netlink_queue(nl, RTM_DELTFILTER, 0,
					   "taking the fence of %s away", name),
			     index, in.fence);
	else
		queue_qdisc(nl,
			    netlink_queue(nl, RTM_DELQDISC, 0,
					  "deleting the clsact qdisc of %s", name),
			    index, "clsact");
	ret = netlink_commit(nl, err);
	return ret == -ENOENT || ret == -EINVAL ? error_clear(err) : ret;
}
