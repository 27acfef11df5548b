/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables and chains of a trace. nf_tables_tracer_rules.c has the rules in them. */
#include "nf_tables_tracer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <sys/socket.h>

#include "attr.h"
#include "chain_names.h"
#include "nfnetlink.h"

/* In front of whatever drops packets, as the node agent's guard does at -450. That is in front
 * of the kernel's defragmentation (-400), too, but nothing is sent here in fragments. */
#define EARLY INT_MIN
/* Directly behind the connection tracking (-200), which knows who an answer is for. */
#define BEHIND_TRACKING (-199)
/* In front of nothing but the connection tracking's last step. */
#define LATE (INT_MAX - 1)

static struct builder begin_object(const struct tracer *tracer, int type, int flags,
				   const char *what)
{
	return begin_nfnl(tracer->nl,
			  netlink_queue(tracer->nl, NFNL_TYPE(NFTABLES, type),
					NLM_F_CREATE | flags, "making %s of table %s",
					what, tracer->table),
			  tracer->family);
}

static int table_add(const struct tracer *tracer, struct cni_error *err)
{
	struct cni_error own = {};
	struct builder b;
	int ret;

	queue_nftables_begin(tracer->nl);
	b = begin_object(tracer, NFT_MSG_NEWTABLE, NLM_F_EXCL, "the beginning");
	put_string(b, NFTA_TABLE_NAME, tracer->table);
	put_u32(b, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	queue_nftables_end(tracer->nl);
	ret = netlink_commit_batch(tracer->nl, 0, &own);
	if (ret == -EAFNOSUPPORT)
		return TRACER_NO_LAYER;
	if (ret == -EOPNOTSUPP || ret == -EINVAL)
		return TRACER_TOO_OLD;
	if (ret < 0)
		error_copy(err, &own);
	return ret;
}

/* @hook: a number of it; -1: no hook leads here. */
static void chain_add(const struct tracer *tracer, const char *name, int hook,
		      int priority)
{
	struct builder b = begin_object(tracer, NFT_MSG_NEWCHAIN, 0, "a chain");
	struct nlattr *start;

	put_string(b, NFTA_CHAIN_TABLE, tracer->table);
	put_string(b, NFTA_CHAIN_NAME, name);
	if (hook < 0)
		return;
	start = nest(b, NFTA_CHAIN_HOOK | NLA_F_NESTED);
	put_u32(b, NFTA_HOOK_HOOKNUM, htonl(hook));
	put_u32(b, NFTA_HOOK_PRIORITY, htonl(priority));
	nest_end(b, start);
	put_string(b, NFTA_CHAIN_TYPE, "filter");
}

/* Behind those two hooks the connection tracking has seen the packet already. */
static bool is_before_tracking(int hook)
{
	return hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT;
}

static void hook_add(const struct tracer *tracer, int hook, const struct flow *flow,
		     bool by_connection)
{
	char name[32];

	snprintf(name, sizeof(name), TRACER_EARLY "%s", hook_names[hook]);
	chain_add(tracer, name, hook, EARLY);
	tracer_redirects_pass(tracer, name, flow);
	tracer_rules_add(tracer, name, flow);
	if (by_connection && is_before_tracking(hook)) {
		snprintf(name, sizeof(name), TRACER_TRACKED "%s", hook_names[hook]);
		chain_add(tracer, name, hook, BEHIND_TRACKING);
		tracer_redirects_pass(tracer, name, flow);
	}
	if (by_connection)
		tracer_connection_rules_add(tracer, name, flow);
	snprintf(name, sizeof(name), TRACER_LATE "%s", hook_names[hook]);
	chain_add(tracer, name, hook, LATE);
}

/* The kernel gives no two sockets of a namespace one number. */
static int table_name(struct tracer *tracer, struct cni_error *err)
{
	struct sockaddr_nl self = {.nl_family = AF_NETLINK};
	socklen_t len = sizeof(self);
	int fd = netlink_fd(tracer->nl);

	/* It is bound already where it has another layer's table. */
	(void)bind(fd, (struct sockaddr *)&self, sizeof(self));
	if (getsockname(fd, (struct sockaddr *)&self, &len) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "reading the number of a netlink socket");
	snprintf(tracer->table, sizeof(tracer->table), "bridge_cni_trace_%u",
		 self.nl_pid);
	return 0;
}

int tracer_begin(struct netlink *nl, enum tracer_layer layer, const struct flow *flow,
		 bool by_connection, char ret_table[TRACER_NAME_MAX],
		 struct cni_error *err)
{
	struct tracer tracer = {
		.nl = nl,
		.family = layer == TRACER_BRIDGE	 ? NFPROTO_BRIDGE
			  : flow->from.family == AF_INET ? NFPROTO_IPV4
							 : NFPROTO_IPV6,
	};
	int ret = table_name(&tracer, err);

	if (ret == 0)
		ret = table_add(&tracer, err);
	if (ret != 0)
		return ret;
	queue_nftables_begin(nl);
	chain_add(&tracer, TRACER_SENT, -1, 0);
	chain_add(&tracer, TRACER_ANSWER, -1, 0);
	tracer_mark_add(&tracer, TRACER_SENT);
	tracer_mark_add(&tracer, TRACER_ANSWER);
	for (size_t i = 0; i < ARRAY_SIZE(hook_names); i++)
		hook_add(&tracer, (int)i, flow, by_connection);
	queue_nftables_end(nl);
	ret = netlink_commit_batch(nl, 0, err);
	if (ret == 0)
		memcpy(ret_table, tracer.table, sizeof(tracer.table));
	return ret;
}

static int chain_look(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[NFTA_CHAIN_MAX + 1];
	struct tracer_chains *chains = data;
	const struct nfgenmsg *head;

	if (!answer) {
		*chains = (struct tracer_chains){};
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_CHAIN_MAX, NULL) < 0)
		return -EBADMSG;
	head = nlmsg_data(answer);
	chains->translate |= attrs[NFTA_CHAIN_TYPE] &&
			     nla_strcmp(attrs[NFTA_CHAIN_TYPE], "nat") == 0;
	chains->of_bridges |= head->nfgen_family == NFPROTO_BRIDGE;
	return 0;
}

int tracer_chains_read(struct netlink *nl, struct tracer_chains *ret_chains,
		       struct cni_error *err)
{
	*ret_chains = (struct tracer_chains){};
	begin_nfnl(nl,
		   netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETCHAIN), NLM_F_DUMP,
				 "reading the chains of nftables"),
		   AF_UNSPEC);
	return netlink_request(nl, chain_look, ret_chains, ENOENT, err);
}
