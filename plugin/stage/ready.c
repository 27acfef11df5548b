/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits until the pod can be reached, as the runtime starts it at once. These are things
 * that the kernel leaves to a work queue; the stages before this one give it time.
 */
#include <errno.h>
#include <linux/if_bridge.h>
#include <sys/socket.h>
#include <time.h>

#include "plugin/attachment/unlocked.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/fib.h"
#include "plugin/netlink/link.h"
#include "stages.h"

/* The longest wait, as the reference's; detection takes one to two seconds. */
#define DAD_WAIT_MS 10000
#define DAD_POLL_MS 20

#define PORT_POLL_NS   1000000
#define PORT_POLLS_MAX 200

/* Each wait is half as long again as the one before: the queue is mostly short, and on a
 * busy node the pod isn't looked at hundreds of times. */
#define LOCAL_POLL_NS	  100000
#define LOCAL_POLL_MAX_NS 20000000
#define LOCAL_WAIT_NS	  2000000000

/* Waits until no address is tentative any more. An address that somebody else has is an
 * error. */
static int dad_await(struct attachment *att, struct cni_error *err)
{
	for (int waited = 0; waited <= DAD_WAIT_MS; waited += DAD_POLL_MS) {
		struct addr_list list = {};
		struct ip_addr duplicate;
		bool tentative;
		int ret = addr_list_get(att->pod_ns.rtnl, att->container_index, AF_INET6,
					&list, err);

		if (ret < 0)
			return ret;
		tentative = list.tentative;
		duplicate = list.duplicate;
		addr_list_clear(&list);
		if (duplicate.family)
			return error_set(
				err, CNI_ERR_EXISTS, EADDRINUSE,
				"enabledad: %s of %s is in use on %s%s already "
				"(duplicate address detection); take it from whoever has "
				"it there, or out of ipam.ranges",
				IP_TEXT(&duplicate), att->pod->ifname,
				*att->master_ifname ? "the link of " : "bridge ",
				*att->master_ifname ? att->master_ifname : att->bridge);
		if (!tentative)
			return 0;
		nanosleep(&(struct timespec){.tv_nsec = DAD_POLL_MS * 1000000L}, NULL);
	}
	return error_set(
		err, CNI_ERR_TRY_AGAIN, EAGAIN,
		"enabledad: duplicate address detection on %s has not come to an "
		"end in %d s",
		att->pod->ifname, DAD_WAIT_MS / 1000);
}

/* Waits without the node lock, as others may wait for it exclusively. */
static int dad_await_unlocked(struct attachment *att, struct cni_error *err)
{
	int ret = unlocked_run(att, NODE_SHARED, dad_await, err);

	return ret < 0 ? ret
		       : unlocked_check(att, "duplicate address detection went on", err);
}

/*
 * Waits until a port forwards. What leaves the pod, or its VLAN's gateway, before is lost, for
 * example an ARP request, for a second. The kernel enables the port by a work queue, or at
 * once when it is asked about the link.
 */
static int port_await(struct attachment *att, const char *name, struct cni_error *err)
{
	for (int i = 0; i < PORT_POLLS_MAX; i++) {
		struct link port;
		int ret = link_get(att->op->node.rtnl, name, &port, err);

		if (ret < 0 || !port.index || port.port.state == BR_STATE_FORWARDING ||
		    port.port.state == BR_STATE_LISTENING ||
		    port.port.state == BR_STATE_LEARNING)
			/* Spanning tree holds it back, so nobody would hear what it sends. */
			return ret;
		nanosleep(&(struct timespec){.tv_nsec = PORT_POLL_NS}, NULL);
	}
	return 0;
}

/* Waits until the node's link sends, if it has a carrier: what is for the pod is lost
 * before. */
static int link_await(struct attachment *att, unsigned int index, struct cni_error *err)
{
	for (int i = 0; i < PORT_POLLS_MAX; i++) {
		struct link link;
		int ret = link_get_by_index(att->op->node.rtnl, index, &link, err);

		if (ret < 0 || !link.carrier || link.operational)
			return ret;
		nanosleep(&(struct timespec){.tv_nsec = PORT_POLL_NS}, NULL);
	}
	return 0;
}

/* The first port that forwards gives the bridge its carrier. The gateway of a VLAN has the one of
 * its port, or as a VLAN device the bridge's, which the kernel notices in the same way after
 * that. */
static int bridge_await(struct attachment *att, struct cni_error *err)
{
	int ret = port_await(att, att->pod->host_ifname, err);

	if (ret == 0 && att->bridge_idle)
		ret = link_await(att, att->bridge_index, err);
	if (ret == 0 && att->gateway_idle && *att->gateway_port)
		ret = port_await(att, att->gateway_port, err);
	if (ret == 0 && att->gateway_idle)
		ret = link_await(att, att->gateway_index, err);
	return ret;
}

/*
 * Waits for the local route of an IPv6 address. Until the kernel has made it, by a work
 * queue even without duplicate address detection, whoever has the address throws away
 * what is sent to it, or sends it on.
 */
static int local_route_await(struct netlink *nl, const struct ip_addr *addr,
			     struct cni_error *err)
{
	long poll = LOCAL_POLL_NS;

	for (long waited = 0; waited < LOCAL_WAIT_NS;) {
		bool local;
		int ret = route_is_local(nl, addr, &local, err);

		if (ret < 0 || local)
			return ret;
		nanosleep(&(struct timespec){.tv_nsec = poll}, NULL);
		waited += poll;
		poll += poll / 2;
		if (poll > LOCAL_POLL_MAX_NS)
			poll = LOCAL_POLL_MAX_NS;
	}
	return 0;
}

/* Waits for the local routes of the pod's addresses, unless duplicate address detection has
 * waited for them, and of the gateways that this ADD has given the node. */
static int local_routes_await(struct attachment *att, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++) {
		const struct ip_addr *own = &att->ipam.ips.items[i].address.addr;
		const struct ip_addr *gateway = &att->ipam.ips.items[i].gateway;

		if (own->family == AF_INET6 && !att->network->enable_dad)
			ret = local_route_await(att->pod_ns.rtnl, own, err);
		/* The kernel tells for one interface only whether a link-local address is
		 * local. */
		if (ret == 0 && att->gateway_added && gateway->family == AF_INET6 &&
		    !ip_is_link_local6(gateway))
			ret = local_route_await(att->op->node.rtnl, gateway, err);
	}
	return ret;
}

static int ready_add(struct attachment *att, struct cni_error *err)
{
	int ret;

	if (att->network->disable_container_interface)
		return 0;
	ret = att->port_is_foreign || !switch_has_bridge(att->switch_kind)
		      ? 0
		      : bridge_await(att, err);
	if (ret < 0 || !attachment_uses(att, AF_INET6))
		return ret;
	if (att->network->enable_dad)
		ret = dad_await_unlocked(att, err);
	return ret < 0 ? ret : local_routes_await(att, err);
}

const struct stage stage_ready = {
	.name = "ready",
	.add = ready_add,
};
