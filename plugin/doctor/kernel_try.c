/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Features of the kernel are tried in a network namespace of a child, which ends with it:
 * a version number doesn't tell which options a kernel was built with.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_feature.h"
#include "plugin/netlink/conntrack.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/tc.h"
#include "plugin/node/sysctl.h"
#include "plugin/nft/nft.h"

#define BRIDGE "try0"
#define PORT   "try1"
#define PEER   "try2"
#define IFB    "try3"
#define SHARED "try4"

/* The child's namespace. */
struct trial {
	struct netlink *rtnl;
	struct link bridge;
	unsigned int port; /* its index; 0: there is none */
	struct kernel_outcome *outcomes; /* of what was tried so far */
};

/* The outcome of a feature that can't be tried, since another one is missing. */
#define NOT_NOW 1

static int lacks(struct cni_error *err, const char *why)
{
	return error_set(err, CNI_ERR_KERNEL, EOPNOTSUPP, "%s", why);
}

static int bridge_try(struct trial *trial, struct cni_error *err)
{
	const struct bridge_spec spec = {.name = BRIDGE,
					 .mac = {true, {0x02, 0, 0, 0, 0, 1}}};
	int ret;

	queue_bridge_add(trial->rtnl, &spec);
	ret = netlink_commit(trial->rtnl, err);
	return ret < 0 ? ret : link_get(trial->rtnl, BRIDGE, &trial->bridge, err);
}

static int veth_try(struct trial *trial, struct cni_error *err)
{
	_cleanup_(close_p) int ns = -1;
	const struct veth_spec spec = {
		.host_name = PORT,
		.peer_name = PEER,
		.bridge = trial->bridge.index,
		.hairpin = true,
		.isolated = true,
		.guarded = true,
		.peer_ns = -1,
	};
	struct veth_spec made = spec;
	int ret;

	if (!trial->bridge.index)
		return NOT_NOW;
	ret = netlink_ns(trial->rtnl, &ns, err);
	made.peer_ns = ns;
	if (ret == 0) {
		queue_veth_add(trial->rtnl, &made);
		ret = netlink_commit(trial->rtnl, err);
	}
	if (ret < 0)
		return ret;
	trial->port = netlink_ifindex_quick(trial->rtnl, PORT);
	queue_veth_port(trial->rtnl, &made);
	(void)netlink_commit(trial->rtnl, NULL); /* port_try() looks what came of it */
	return 0;
}

/* The bridge is as good a master as a network card. */
static int shared_try(struct trial *trial, const char *kind, uint32_t mode,
		      struct cni_error *err)
{
	int ret = trial->bridge.index ? 0 : bridge_try(trial, NULL);

	if (ret < 0)
		return NOT_NOW;
	queue_macvlan_add(trial->rtnl, &(struct macvlan_spec){
					       .kind = kind,
					       .name = SHARED,
					       .master = trial->bridge.index,
					       .ns = -1,
					       .mode = mode,
				       });
	ret = netlink_commit(trial->rtnl, err);
	if (ret < 0)
		return ret;
	/* A master has links of one of the two kinds. */
	queue_link_del(trial->rtnl, SHARED);
	return netlink_commit(trial->rtnl, err);
}

static int macvlan_try(struct trial *trial, struct cni_error *err)
{
	return shared_try(trial, "macvlan", MACVLAN_MODE_BRIDGE, err);
}

static int ipvlan_try(struct trial *trial, struct cni_error *err)
{
	return shared_try(trial, "ipvlan", IPVLAN_MODE_L2, err);
}

static int vlans_try(struct trial *trial, struct cni_error *err)
{
	(void)err;
	if (!trial->bridge.index)
		return NOT_NOW;
	return trial->bridge.bridge.can_filter_vlans ? 0 : -EOPNOTSUPP;
}

/* The kernel passes over options of a port that it doesn't know. */
static int port_try(struct trial *trial, struct cni_error *err)
{
	struct link port = {};
	int ret;

	if (!trial->port)
		return NOT_NOW;
	ret = link_get_by_index(trial->rtnl, trial->port, &port, err);
	if (ret < 0)
		return ret;
	if (!port.port.isolated)
		return lacks(err, "they can't be isolated");
	return port.port.guard && !port.port.learning
		       ? 0
		       : lacks(err, "they can't be kept from learning addresses");
}

static int ipv6_try(struct trial *trial, struct cni_error *err)
{
	int ignored, ret;

	if (!trial->bridge.index)
		return NOT_NOW;
	ret = sysctl_get(&ignored, err, "ipv6/conf/" BRIDGE "/disable_ipv6");
	return ret == SYSCTL_ABSENT ? -EAFNOSUPPORT : ret;
}

/* So that no packet waits, whatever the size of a clock's tick is. */
static const struct tbf bucket = {.rate = 125000, .burst = 65536, .limit = 131072};

static int tbf_try(struct trial *trial, struct cni_error *err)
{
	if (!trial->port)
		return NOT_NOW;
	queue_tbf_add(trial->rtnl, trial->port, PORT, &bucket);
	return netlink_commit(trial->rtnl, err);
}

static int ifb_try(struct trial *trial, struct cni_error *err)
{
	const struct ifb_spec spec = {
		.name = IFB, .mac = {true, {0x02, 0, 0, 0, 0, 2}}, .alias = IFB};
	int ret;

	if (!trial->port)
		return NOT_NOW;
	queue_ifb_add(trial->rtnl, &spec);
	ret = netlink_commit(trial->rtnl, err);
	if (ret < 0)
		return ret;
	queue_redirect_add(trial->rtnl, trial->port, PORT,
			   netlink_ifindex_quick(trial->rtnl, IFB));
	return netlink_commit(trial->rtnl, err);
}

static int connections_try(struct trial *trial, struct cni_error *err)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	const struct conntrack_match match = {.family = AF_INET};
	size_t ignored;
	int ret = netlink_open(NETLINK_FOR_NFTABLES, &nl, err);

	(void)trial;
	return ret < 0 ? ret : conntrack_count(nl, &match, 1, &ignored, err);
}

/* As portmap.c asks for it. */
static int sctp_try(struct trial *trial, struct cni_error *err)
{
	int ignored, ret = sysctl_get(&ignored, err,
				      "netfilter/nf_conntrack_sctp_timeout_established");

	(void)trial;
	return ret == SYSCTL_ABSENT ? -EPROTONOSUPPORT : ret;
}

/* A feature without a function here is tried by rules of nftables. */
static int (*const tries[KERNEL_FEATURES])(struct trial *trial, struct cni_error *err) = {
	[KERNEL_BRIDGE] = bridge_try,	[KERNEL_VETH] = veth_try,
	[KERNEL_MACVLAN] = macvlan_try, [KERNEL_IPVLAN] = ipvlan_try,
	[KERNEL_VLANS] = vlans_try,	[KERNEL_PORT] = port_try,
	[KERNEL_IPV6] = ipv6_try,	[KERNEL_TBF] = tbf_try,
	[KERNEL_IFB] = ifb_try,		[KERNEL_CONNECTIONS] = connections_try,
	[KERNEL_SCTP] = sctp_try,
};

/* Where libnftables is missing, another check says so. */
static int rules_try(enum kernel_feature feature, struct cni_error *err)
{
	return nft_look_up(NULL) < 0 ? NOT_NOW : kernel_rules_try(feature, err);
}

static void all_try(struct trial *trial, uint32_t features)
{
	for (size_t i = 0; i < KERNEL_FEATURES; i++) {
		struct kernel_outcome *outcome = &trial->outcomes[i];
		struct cni_error err = {};
		int ret;

		if (!(features & KERNEL_BIT(i)))
			continue;
		ret = tries[i] ? tries[i](trial, &err) : rules_try(i, &err);
		snprintf(outcome->why, sizeof(outcome->why), "%.255s", err.msg);
		outcome->is = ret < 0	? KERNEL_LACKS
			      : ret > 0 ? KERNEL_UNTRIED
					: KERNEL_HAS;
	}
}

static _Noreturn void become_child(uint32_t features, struct kernel_outcome *outcomes)
{
	struct trial trial = {.outcomes = outcomes};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0 ||
	    netlink_open(NETLINK_FOR_ROUTE, &trial.rtnl, NULL) < 0)
		_exit(1);
	all_try(&trial, features);
	_exit(0);
}

bool kernel_try(uint32_t features, struct kernel_outcome ret_outcomes[KERNEL_FEATURES])
{
	size_t size = KERNEL_FEATURES * sizeof(*ret_outcomes);
	struct kernel_outcome *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid;

	if (shared == MAP_FAILED)
		return false;
	pid = fork();
	if (pid == 0)
		become_child(features, shared);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	memcpy(ret_outcomes, shared, size);
	munmap(shared, size);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
