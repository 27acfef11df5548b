/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns route_localnet on and off together with its fence. The fence says that this
 * program turned it on. In a kernel without fences the store says so, by 127.0.0.0/8
 * among the gateway addresses that the network gave.
 */
#include "portmap_localnet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/fence.h"
#include "plugin/netlink/fib.h"
#include "plugin/netlink/link.h"
#include "plugin/node/node.h"
#include "plugin/node/sysctl.h"
#include "portmap_elements.h"
#include "portmap_localnet_users.h"
#include "vlan.h"

#define SYSCTL "ipv4/conf/%s/route_localnet"

static const struct ip_prefix loopback = {{AF_INET, {127}}, 8};

/* Is the pod reached by the gateway's interface? Without isGateway it may be reached by
 * another one, or not at all. */
static int is_behind_gateway(const struct attachment *att, bool *ret_behind,
			     struct cni_error *err)
{
	struct pod_facts pod;
	const struct ip_addr *address;
	unsigned int index = 0;
	int ret = 0;

	pod_facts_of_attachment(att, &pod);
	address = &pod.addresses[PORTMAP_IPV4].addr;
	if (address->family && !att->network->is_gateway)
		ret = route_interface(att->op->node.rtnl, address, &index, err);
	if (ret == 0)
		*ret_behind = address->family &&
			      (att->network->is_gateway || index == att->gateway_index);
	return ret;
}

static int is_needed(const struct attachment *att, bool *ret_needed,
		     struct cni_error *err)
{
	bool needed = att->network->ports.snat &&
		      localnet_serves(&att->pod->ports.mappings);
	int ret = needed ? is_behind_gateway(att, &needed, err) : 0;

	if (ret == 0)
		*ret_needed = needed;
	return ret;
}

struct noted {
	const struct attachment *net;
	const char *ifname;
	bool found, forget;
};

static int note_find(const char *network, void *data, struct cni_error *err)
{
	struct noted *noted = data;
	struct ipam_env other = noted->net->ipam_env;
	int ret = 0;

	other.network = network;
	if (noted->forget)
		ret = ipam_gateway_remove(&other, noted->ifname, &loopback, err);
	else if (!noted->found)
		noted->found = ipam_gateway_is_ours(&other, noted->ifname, &loopback);
	return ret;
}

/* Has a network with the same dataDir written down that it turned route_localnet on?
 * Several may share a bridge. */
static bool is_noted(const struct attachment *net, const char *ifname)
{
	struct noted noted = {.net = net, .ifname = ifname};

	ipam_networks(&net->ipam_env, note_find, &noted, NULL);
	return noted.found;
}

/* Removes what is_noted() finds, as another program may turn route_localnet on next. */
static int notes_remove(const struct attachment *net, const char *ifname,
			struct cni_error *err)
{
	struct noted noted = {.net = net, .ifname = ifname, .forget = true};

	return ipam_networks(&net->ipam_env, note_find, &noted, err);
}

static int fence_make(struct attachment *att, const struct link *gateway,
		      enum fence fence, struct cni_error *err)
{
	int ret = fence_add(att->op->node.rtnl, gateway->index, gateway->name, fence,
			    err);

	if (ret == 0)
		report_done(att, "fenced 127.0.0.0/8 off from what %s receives",
			    gateway->name);
	return ret;
}

/* Makes the fence when it is needed first. Then the operator is told once where the
 * kernel can't. LOCALNET_UNFENCED. */
static int fence_make_first(struct attachment *att, const struct link *gateway)
{
	struct cni_error own = {};
	int ret = fence_make(att, gateway, FENCE_OURS, &own);

	if (ret == 0)
		return 0;
	notice(&att->op->notices,
	       "%s%s%s%s: where somebody flushes the rules of nftables, pods "
	       "reach what listens on the node's 127.0.0.1 until they are "
	       "back",
	       own.msg, own.details[0] ? " (" : "", own.details,
	       own.details[0] ? ")" : "");
	return LOCALNET_UNFENCED;
}

/* Turns route_localnet on, after the fence is made: there is no moment without it. */
static int turn_on(struct attachment *att, const struct link *gateway, enum fence fence,
		   struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	int ret = ipam_gateway_add(&att->ipam_env, gateway->name, &loopback, err);

	/* Another program had turned it on, beside which there was a fence, and has
	 * turned it off since. */
	if (ret == 0 && fence == FENCE_BESIDE)
		ret = fence_del(nl, gateway->index, gateway->name, err);
	if (ret == 0 && fence != FENCE_OURS)
		ret = fence_make_first(att, gateway);
	if (ret >= 0)
		ret = sysctl_ensure(1, err, SYSCTL, gateway->name);
	if (ret == 0)
		report_done(att, "turned route_localnet of %s on", gateway->name);
	return ret < 0 ? ret : 0;
}

/* Does what localnet_add() promises where route_localnet is needed. The exclusive lock is
 * held. */
static int ensure(struct attachment *att, bool verify, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	enum fence fence = FENCE_NONE;
	struct link gateway;
	int ret = link_get_by_index(nl, att->gateway_index, &gateway, err);

	/* A kernel without IPv4 has no such parameter. */
	if (ret < 0 || !gateway.index || gateway.ipv4.route_localnet < 0 ||
	    (gateway.ipv4.route_localnet && !verify))
		return ret;
	ret = fence_get(nl, gateway.index, &fence, err);
	if (ret < 0 || (gateway.ipv4.route_localnet && fence != FENCE_NONE))
		return ret;
	if (!gateway.ipv4.route_localnet)
		return turn_on(att, &gateway, fence, err);
	fence = is_noted(att, gateway.name) ? FENCE_OURS : FENCE_BESIDE;
	return fence_make(att, &gateway, fence, NULL) < 0 ? LOCALNET_UNFENCED : 0;
}

/* Puts a missing fence back where this attachment needs no route_localnet and it is on:
 * somebody else's host port may need it. */
static int guard(struct attachment *att, struct cni_error *err)
{
	enum fence fence = FENCE_NONE;
	int ret = fence_get(att->op->node.rtnl, att->gateway_index, &fence, err);

	if (ret < 0 || fence != FENCE_NONE || !is_noted(att, att->gateway_ifname))
		return ret;
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = ensure(att, true, err);
	return ret == 0 ? LOCALNET_REFENCED : ret;
}

int localnet_add(struct attachment *att, bool verify, struct cni_error *err)
{
	bool needed = false;
	int ret = is_needed(att, &needed, err);

	if (ret < 0)
		return ret;
	if (needed)
		return ensure(att, verify, err);
	if (att->gateway_localnet != 1 || (att->network->ports.expected && !verify))
		return 0;
	return guard(att, err);
}

/* Tells that another program has turned route_localnet on. @whose: for which interfaces.
 * @gateway: the interface by which pods reach the node. */
static void others_tell(struct attachment *att, const char *whose, const char *gateway)
{
	notice(&att->op->notices,
	       "route_localnet is on for %s, which another program has set "
	       "(kube-proxy and portmap do): pods on %s reach what listens on "
	       "the node's 127.0.0.1, unless rules of another program drop it",
	       whose, gateway);
}

/* Looks who turned route_localnet of @ifname on, which is on. LOCALNET_UNFENCED: this
 * program did, and there is no fence. */
static int opening_check(struct attachment *att, unsigned int index, const char *ifname,
			 struct cni_error *err)
{
	enum fence fence = FENCE_NONE;
	int ret = fence_get(att->op->node.rtnl, index, &fence, err);

	if (ret < 0 || fence != FENCE_NONE)
		return ret;
	if (is_noted(att, ifname))
		return LOCALNET_UNFENCED;
	others_tell(att, ifname, ifname);
	return 0;
}

void localnet_tell_all(struct attachment *att)
{
	enum fence fence = FENCE_NONE;
	struct cni_error own = {};
	int all = 0, ret = sysctl_get(&all, &own, SYSCTL, "all");

	if (ret == 0 && all && att->gateway_index) {
		ret = fence_get(att->op->node.rtnl, att->gateway_index, &fence, &own);
		if (ret == 0 && fence == FENCE_NONE)
			others_tell(att, "all interfaces (net.ipv4.conf.all)",
				    att->gateway_ifname);
	}
	if (ret < 0)
		notice(&att->op->notices, "%s", own.msg);
}

int localnet_check(struct attachment *att, struct cni_error *err)
{
	bool needed = false;
	int ret = is_needed(att, &needed, err);

	if (ret < 0)
		return ret;
	if (needed && att->gateway_localnet == 0)
		return error_set(err, CNI_ERR_CHECK, EINVAL,
				 "portmap: expected " SYSCTL_ROOT SYSCTL
				 " 1, found 0: 127.0.0.1 doesn't lead to the pod's host "
				 "ports",
				 att->gateway_ifname);
	if (att->gateway_localnet == 1)
		return opening_check(att, att->gateway_index, att->gateway_ifname, err);
	localnet_tell_all(att);
	return 0;
}

bool localnet_is_on(const struct attachment *net)
{
	int on = 0;

	/* An error other than that there is no such interface is told by
	 * localnet_status(), if it meets it as well. */
	return sysctl_get(&on, NULL, SYSCTL, net->gateway_ifname) < 0 || on == 1;
}

int localnet_status(struct attachment *net, struct cni_error *err)
{
	const char *name = net->gateway_ifname;
	struct link gateway;
	int ret = link_get(net->op->node.rtnl, name, &gateway, err);

	if (ret < 0 || !gateway.index || gateway.ipv4.route_localnet != 1)
		return ret;
	ret = opening_check(net, gateway.index, name, err);
	if (ret == LOCALNET_UNFENCED)
		notice(&net->op->notices,
		       "route_localnet of %s is on for host ports, and nothing "
		       "but rules of nftables keeps pods from what listens on "
		       "the node's 127.0.0.1; `bridge-cni repair` makes the "
		       "fence, where the kernel has cls_bpf",
		       name);
	return ret < 0 ? ret : 0;
}

/* Turns route_localnet off, then removes the fence. Where it can't be turned off, the
 * fence stays and does no harm: an error would only have the runtime try again for
 * ever. */
static int turn_off(struct attachment *net, const struct link *gateway,
		    struct cni_error *err)
{
	struct cni_error own = {};
	int ret = sysctl_ensure(0, &own, SYSCTL, gateway->name);

	if (ret < 0) {
		notice(&net->op->notices, "route_localnet of %s stays on, and fenced: %s",
		       gateway->name, own.msg);
		return 0;
	}
	if (ret == 0)
		ret = notes_remove(net, gateway->name, err);
	if (ret == 0)
		ret = fence_del(net->op->node.rtnl, gateway->index, gateway->name, err);
	if (ret == 0)
		report_done(net, "turned route_localnet of %s off", gateway->name);
	return ret < 0 ? ret : 0;
}

int localnet_remove(struct attachment *net, const struct link *gateway,
		    struct cni_error *err)
{
	enum fence fence = FENCE_NONE;
	int ret = 0;

	if (gateway->ipv4.route_localnet == 1)
		ret = fence_get(net->op->node.rtnl, gateway->index, &fence, err);
	if (ret == 0 && gateway->ipv4.route_localnet == 1 &&
	    (fence == FENCE_OURS || is_noted(net, gateway->name)))
		return turn_off(net, gateway, err);
	return ret < 0 ? ret
		       : fence_del(net->op->node.rtnl, gateway->index, gateway->name,
				   err);
}

static int settle(struct attachment *att, const struct link *gateway,
		  struct cni_error *err)
{
	enum fence fence = FENCE_NONE;
	bool needed = false;
	int ret;

	if (gateway->ipv4.route_localnet != 1)
		return 0;
	ret = localnet_is_needed(att, gateway, &needed, err);
	if (ret < 0 || needed)
		return ret;
	ret = fence_get(att->op->node.rtnl, gateway->index, &fence, err);
	if (ret < 0 || fence == FENCE_BESIDE)
		return ret;
	if (fence == FENCE_NONE && !is_noted(att, gateway->name))
		return 0;
	return turn_off(att, gateway, err);
}

int localnet_settle(struct attachment *net, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	int ret = link_list_get(net->op->node.rtnl, &links, err);

	for (size_t i = 0; ret == 0 && i < links.n; i++)
		if (vlan_is_of_bridge(net->bridge, &links.items[i]))
			ret = settle(net, &links.items[i], err);
	return ret;
}

int localnet_del(struct attachment *att, struct cni_error *err)
{
	enum node_lock lock = att->op->node.lock;
	const char *bridge = att->record ? att->record->bridge : att->bridge;
	struct pod_facts pod;
	const struct ip_addr *address;
	struct link gateway = {};
	unsigned int index = 0;
	int ret;

	if (!pod_facts_held(att, &pod) || !localnet_serves(pod.ports))
		return 0;
	address = &pod.addresses[PORTMAP_IPV4].addr;
	if (!address->family)
		return 0;
	ret = route_interface(att->op->node.rtnl, address, &index, err);
	if (ret == 0 && index)
		ret = link_get_by_index(att->op->node.rtnl, index, &gateway, err);
	if (ret == 0)
		ret = settle(att, &gateway, err);
	/* Where the bridge has no gateway address, no route leads to it. */
	if (ret == 0 && *bridge && strcmp(gateway.name, bridge) != 0) {
		ret = link_get(att->op->node.rtnl, bridge, &gateway, err);
		if (ret == 0)
			ret = settle(att, &gateway, err);
	}
	/* The lock is shared again, as it was, so that others may go on. */
	if (ret == 0 && lock == NODE_SHARED)
		ret = node_share(&att->op->node, err);
	return ret;
}
