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

#define LOCAL_POLL_NS	100000
#define LOCAL_POLLS_MAX 20000 /* 2 s and more */

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
				"enabledad: %s of %s is in use on bridge %s "
				"already (duplicate address detection); take it from "
				"whoever has it there, or out of ipam.ranges",
				IP_TEXT(&duplicate), att->pod->ifname, att->bridge);
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
 * Waits until the pod's port forwards. What leaves the pod before is lost, for example an
 * ARP request, for a second. The kernel enables the port by a work queue, or at once when
 * it is asked about the link.
 */
static int port_await(struct attachment *att, struct cni_error *err)
{
	for (int i = 0; i < PORT_POLLS_MAX; i++) {
		struct link port;
		int ret = link_get(att->op->node.rtnl, att->pod->host_ifname, &port, err);

		if (ret < 0 || !port.index || port.port.state == BR_STATE_FORWARDING ||
		    port.port.state == BR_STATE_LISTENING ||
		    port.port.state == BR_STATE_LEARNING)
			/* Spanning tree holds it back, so nobody would hear the pod. */
			return ret;
		nanosleep(&(struct timespec){.tv_nsec = PORT_POLL_NS}, NULL);
	}
	return 0;
}

/*
 * Waits for the local routes of IPv6 addresses. Until the kernel has made them, by a work
 * queue even without duplicate address detection, the pod throws away what is sent to it.
 */
static int local_routes_await(struct attachment *att, struct cni_error *err)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		const struct ip_addr *addr = &att->ipam.ips.items[i].address.addr;
		bool local = addr->family == AF_INET;

		for (int poll = 0; !local && poll < LOCAL_POLLS_MAX; poll++) {
			int ret = route_is_local(att->pod_ns.rtnl, addr, &local, err);

			if (ret < 0)
				return ret;
			if (!local)
				nanosleep(&(struct timespec){.tv_nsec = LOCAL_POLL_NS},
					  NULL);
		}
	}
	return 0;
}

static int ready_add(struct attachment *att, struct cni_error *err)
{
	int ret;

	if (att->network->disable_container_interface)
		return 0;
	ret = port_await(att, err);
	if (ret < 0 || !attachment_uses(att, AF_INET6))
		return ret;
	return att->network->enable_dad ? dad_await_unlocked(att, err)
					: local_routes_await(att, err);
}

const struct stage stage_ready = {
	.name = "ready",
	.add = ready_add,
};
