/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes kernel parameters of the pod's end, in one visit to the pod's namespace: what
 * the pod refuses, and what its IPv6 addresses need. They go with the interface, so there
 * is nothing to delete.
 *
 * The pod refuses router advertisements and redirects, because any other pod on the
 * bridge can send them. With one advertisement it would be the pod's default router, give
 * it addresses and lower its MTU; with a redirect it would get a connection's packets.
 * Pods have their routes from here, and need neither. The parameters are written as soon
 * as the interface is there: another IPAM plugin (dhcp), or whoever uses an interface
 * that is left down, sets it up. CHECK doesn't look at them, because a later plugin of
 * the chain (tuning), or the pod itself, may want them otherwise.
 */
#include "parameters.h"

#include <sys/socket.h>

#include "ipam/ipam.h"
#include "plugin/node/sysctl.h"
#include "stages.h"

/*
 * Where the bridge leads to a network of somebody else, a router may be there, and pods
 * may have their addresses from it, as with the reference plugin. Without a gateway on
 * the node they may have one there.
 */
static bool refuses_routers(const struct attachment *att)
{
	if (att->network->accept_ra_set)
		return !att->network->accept_ra;
	return att->network->is_gateway && !att->bridge_has_other_ports;
}

/*
 * Also for a pod without IPv6 addresses, as an advertisement brings them, and for one
 * that has IPv6 turned off, as somebody may turn it on. A host takes IPv4's redirects
 * where the parameter of the interface (addresses.c sets it) or that of all interfaces is
 * on. Other interfaces of the pod go on taking them by their own parameter.
 */
static int refusals_write(const struct sysctl_dir *ipv6, struct cni_error *err)
{
	static const char *const names[] = {"accept_ra", "autoconf", "accept_redirects"};
	int ret = 0;

	for (size_t i = 0; ret >= 0 && ipv6->fd >= 0 && i < ARRAY_SIZE(names); i++)
		ret = sysctl_dir_set(ipv6, names[i], 0, err);
	return ret < 0 ? ret : sysctl_set(0, err, "ipv4/conf/all/accept_redirects");
}

/* Writes them again, for the error. It fails an ADD whose configuration asks for them. */
static _noinline_ int refusals_failed(struct attachment *att,
				      const struct sysctl_dir *ipv6,
				      struct cni_error *err)
{
	struct cni_error own = {};
	int ret = refusals_write(ipv6, &own);

	if (ret >= 0)
		return 0;
	if (att->network->accept_ra_set) {
		error_copy(err, &own);
		return ret;
	}
	notice(&att->op->notices,
	       "%s takes router advertisements or redirects of other pods: %s",
	       att->pod->ifname, own.msg);
	return 0;
}

/* The pod works without it, so an error is only told. */
static _noinline_ void keep_failed(struct attachment *att, const struct sysctl_dir *ipv6)
{
	struct cni_error own = {};

	if (sysctl_dir_set(ipv6, "keep_addr_on_down", 1, &own) < 0)
		notice(&att->op->notices,
		       "the IPv6 addresses of %s will be lost when it is set "
		       "down: %s",
		       att->pod->ifname, own.msg);
}

/* Turns the kernel's duplicate address detection on, whatever the pod's defaults are. */
static int dad_enable(const char *ifname, struct cni_error *err)
{
	int ret = sysctl_ensure(1, err, "ipv6/conf/%s/accept_dad", ifname);

	if (ret == 0)
		ret = sysctl_ensure(1, err, "ipv6/conf/%s/enhanced_dad", ifname);
	return ret == SYSCTL_ABSENT ? 0 : ret;
}

/* The kernel makes the link-local address then, and spoofCheck lets the pod send from the
 * one that follows from its MAC address alone, whatever the pod's defaults are. */
static int dad_prepare(const struct attachment *att, struct cni_error *err)
{
	const char *ifname = att->pod->ifname;
	int ret = dad_enable(ifname, err);

	if (ret == 0 && att->pod->spoof_check)
		ret = sysctl_ensure(0, err, "ipv6/conf/%s/addr_gen_mode", ifname);
	return ret == SYSCTL_ABSENT ? 0 : ret;
}

static int ipv6_prepare(struct attachment *att, const struct sysctl_dir *ipv6,
			struct cni_error *err)
{
	/* addresses.c says that the kernel has no IPv6. */
	if (ipv6->fd < 0)
		return 0;
	/* Without this parameter the kernel forgets IPv6 addresses once the interface is
	 * set down. */
	if (sysctl_dir_set(ipv6, "keep_addr_on_down", 1, NULL) < 0)
		keep_failed(att, ipv6);
	/* Others on the master's link may have known the addresses elsewhere. The pod works
	 * without it. */
	if (*att->master_ifname)
		(void)sysctl_dir_set(ipv6, "ndisc_notify", 1, NULL);
	return att->network->enable_dad ? dad_prepare(att, err) : 0;
}

static int parameters_write(void *data, struct cni_error *err)
{
	_cleanup_(sysctl_dir_close) struct sysctl_dir ipv6 = SYSCTL_DIR_CLOSED;
	struct attachment *att = data;
	int ret = sysctl_dir_open(&ipv6, err, "ipv6/conf/%s/", att->pod->ifname);

	if (ret >= 0 && att->refuses_routers && refusals_write(&ipv6, NULL) < 0)
		ret = refusals_failed(att, &ipv6, err);
	if (ret >= 0 && attachment_uses(att, AF_INET6))
		ret = ipv6_prepare(att, &ipv6, err);
	return ret < 0 ? ret : 0;
}

static int parameters_add(struct attachment *att, struct cni_error *err)
{
	att->refuses_routers = refuses_routers(att);
	if (!att->refuses_routers && !attachment_uses(att, AF_INET6))
		return 0;
	return pod_ns_run(&att->op->node, att->pod_ns.fd, parameters_write, att, err);
}

static int for_ipv6_write(void *data, struct cni_error *err)
{
	_cleanup_(sysctl_dir_close) struct sysctl_dir ipv6 = SYSCTL_DIR_CLOSED;
	struct attachment *att = data;
	int ret = sysctl_dir_open(&ipv6, err, "ipv6/conf/%s/", att->pod->ifname);

	return ret < 0 ? ret : ipv6_prepare(att, &ipv6, err);
}

int parameters_for_ipv6(struct attachment *att, struct cni_error *err)
{
	return pod_ns_run(&att->op->node, att->pod_ns.fd, for_ipv6_write, att, err);
}

const struct stage stage_parameters = {
	.name = "parameters",
	.add = parameters_add,
};
