/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "way.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "conf/base/clock.h"
#include "plugin/netlink/fib.h"
#include "plugin/netlink/vlan.h"
#include "plugin/node/kernel_has.h"
#include "plugin/node/sysctl.h"

void way_init(struct way *way)
{
	*way = (struct way){
		.node = NODE_CLOSED,
		.pod_ns = POD_NS_CLOSED,
		.probe = FLOW_PROBE_CLOSED,
		.in_pod = WATCH_CLOSED,
		.on_node = WATCH_CLOSED,
	};
}

void way_clear(struct way *way)
{
	watch_end(&way->in_pod);
	watch_end(&way->on_node);
	flow_probe_close(&way->probe);
	pod_ns_close(&way->pod_ns);
	node_close(&way->node);
}

/* ---- Before ---- */

static int namespace_open(struct way *way, struct cni_error *err)
{
	uint64_t cookie;
	int ret;

	if (!way->pod->netns[0])
		return error_set(err, CNI_ERR_UNKNOWN_CONTAINER, ENOENT,
				 "no record tells where the pod's namespace is");
	ret = pod_ns_open(&way->node, way->pod->netns, false, &way->pod_ns, err);
	if (ret < 0)
		return ret;
	cookie = netlink_cookie(way->pod_ns.rtnl);
	if (cookie && way->pod->cookie && cookie != way->pod->cookie)
		return error_set(err, CNI_ERR_UNKNOWN_CONTAINER, ENOENT,
				 "another namespace than the pod's is at %s by now",
				 way->pod->netns);
	return 0;
}

static int pod_look(struct way *way, const struct ip_addr *to, struct cni_error *err)
{
	struct netlink *nl = way->pod_ns.rtnl;
	int ret = route_lookup(nl, &(struct route_packet){.to = *to}, &way->pod_route,
			       err);

	if (ret == 0 && way->pod_route.out)
		ret = link_get_by_index(nl, way->pod_route.out, &way->inside, err);
	else if (ret ==
		 0) /* it is told of the attachment's interface why there is none */
		ret = link_get(nl, way->pod->ifname, &way->inside, err);
	way->pod_hop = way->pod_route.gateway.family ? way->pod_route.gateway : *to;
	return ret;
}

int way_open(struct way *way, const struct trace *trace, struct cni_error *err)
{
	const struct trace_pod *other;
	int ret = node_open(&way->node, err);

	if (ret == 0)
		ret = namespace_open(way, err);
	if (ret == 0)
		ret = pod_look(way, &trace->to, err);
	if (ret < 0)
		return ret;
	way->to = trace->to;
	way->to_port = trace->port;
	other = trace_find_interface(trace, way->pod, way->inside.name);
	if (other)
		way->pod = other;
	way->leaves_by_attachment = way->pod_route.type == RTN_UNICAST &&
				    strcmp(way->inside.name, way->pod->ifname) == 0;
	return 0;
}

/* ---- Sending ---- */

static int pod_prepare(void *data, struct cni_error *err)
{
	return flow_probe_open(&((struct way *)data)->probe, err);
}

struct watching {
	struct way *way;
	bool may_load;
};

static int pod_watch(void *data, struct cni_error *err)
{
	struct watching *watching = data;
	struct way *way = watching->way;

	(void)err;
	watch_begin(&way->in_pod, &way->probe.flow, watching->may_load);
	return 0;
}

static bool was_dropped(const struct way *way)
{
	return watch_dropped(&way->in_pod, WATCH_SENT) ||
	       watch_dropped(&way->on_node, WATCH_SENT) ||
	       watch_dropped(&way->on_node, WATCH_ANSWER) ||
	       watch_dropped(&way->in_pod, WATCH_ANSWER);
}

/* The events of what came back were there before it came back. */
static void answer_await(struct way *way)
{
	struct flow_probe *probe = &way->probe;
	int64_t end = now_ms() + WAIT_MS, left;
	bool dropped = false;

	while (probe->outcome == PROBE_SILENCE && (left = end - now_ms()) > 0) {
		struct pollfd fds[] = {
			{.fd = probe->icmp_fd, .events = POLLIN},
			{.fd = probe->tcp_fd, .events = POLLOUT},
			{.fd = way->in_pod.fd, .events = POLLIN},
			{.fd = way->on_node.fd, .events = POLLIN},
		};

		if (poll(fds, ARRAY_SIZE(fds), (int)left) < 0 && errno != EINTR)
			break;
		flow_probe_hear(probe);
		watch_take(&way->in_pod);
		watch_take(&way->on_node);
		if (!dropped && was_dropped(way)) {
			dropped = true;
			end = now_ms() + WAIT_DROPPED_MS;
		}
	}
	watch_take(&way->in_pod);
	watch_take(&way->on_node);
}

static int send_and_await(struct way *way, bool may_load, struct cni_error *err)
{
	struct watching watching = {way, may_load};
	int ret = pod_ns_run(&way->node, way->pod_ns.fd, pod_prepare, way, err);

	if (ret == 0)
		ret = pod_ns_run(&way->node, way->pod_ns.fd, pod_watch, &watching, err);
	if (ret < 0)
		return ret;
	watch_begin(&way->on_node, &way->probe.flow, may_load);
	flow_probe_send(&way->probe);
	answer_await(way);
	/* The sockets serve on, for what is asked of conntrack, until all is asked. */
	return 0;
}

/* ---- Afterwards ---- */

static int bridge_look(struct way *way, struct cni_error *err)
{
	struct netlink *nl = way->node.rtnl;
	struct port_vlans vlans = {};
	int ret = link_get(nl, way->pod->host_ifname, &way->host_end, err);

	if (ret == 0)
		ret = link_get(nl, way->pod->bridge, &way->bridge, err);
	if (ret == 0 && way->host_end.master && way->bridge.bridge.filters_vlans &&
	    port_vlans_get(nl, way->host_end.index, &vlans, NULL) == 0)
		way->vlan = vlans.pvid;
	if (ret == 0 && way->host_end.master && way->pod_neighbour.mac.set)
		ret = fdb_find(nl, way->host_end.index, &way->pod_neighbour.mac,
			       way->vlan, &way->behind, err);
	if (ret == 0 && way->behind.index)
		ret = link_get_by_index(nl, way->behind.index, &way->behind_link, err);
	if (ret == 0)
		ret = link_get(nl, way->pod->gateway_ifname, &way->gateway, err);
	return ret;
}

/* Does the frame go to the node? Where no MAC address was found, the next hop tells. */
static int is_for_node(struct way *way, struct cni_error *err)
{
	way->is_routed = way->behind.own;
	if (!way->leaves_by_attachment || way->behind.index || way->pod_neighbour.mac.set)
		return 0;
	return route_is_local(way->node.rtnl, &way->pod_hop, &way->is_routed, err);
}

static int connection_look(struct way *way, bool may_load, struct cni_error *err)
{
	struct netlink *nl;
	int ret;

	if (!may_load && !kernel_has_ctnetlink())
		return 0;
	ret = node_nftables(&way->node, &nl, err);
	if (ret == 0)
		ret = conntrack_entry_get(nl, &way->probe.flow, &way->connection, err);
	if (ret < 0)
		return ret;
	way->is_connection_seen = true;
	return 0;
}

/* The kernel has no entry of a connection that a rule has dropped, or that a reset has ended. Then
 * the rules tell to whom it was translated. */
static void target_look(struct way *way)
{
	const struct passage *sent = &way->on_node.passages[WATCH_SENT][TRACER_IP];

	if (way->connection.exists) {
		way->to = way->connection.reply_from;
		way->to_port = way->connection.reply_from_port;
	} else if (sent->to.family) {
		way->to = sent->to;
		way->to_port = sent->to_port;
	}
}

/* The socket of the rules in the pod is in its namespace. */
static int pod_connection_look(struct way *way, bool may_load, struct cni_error *err)
{
	const struct flow *flow = &way->probe.flow;
	struct conntrack_entry entry = {};
	int ret;

	way->pod_to = flow->to;
	way->pod_to_port = flow->to_port;
	if (way->in_pod.state != WATCH_ON || (!may_load && !kernel_has_ctnetlink()))
		return 0;
	ret = conntrack_entry_get(way->in_pod.owner, flow, &entry, err);
	if (ret < 0 || !entry.exists)
		return ret;
	way->pod_to = entry.reply_from;
	way->pod_to_port = entry.reply_from_port;
	way->pod_translates = !ip_equal(&way->pod_to, &flow->to) ||
			      way->pod_to_port != flow->to_port;
	return 0;
}

static int neighbour_look(struct netlink *nl, unsigned int index,
			  const struct ip_addr *hop, struct neighbour *ret_found,
			  struct cni_error *err)
{
	int ret = index ? neighbour_get(nl, index, hop, ret_found, err) : 0;

	/* The interface went while an answer was waited for. */
	return ret == -ENODEV ? error_clear(err) : ret;
}

/* The larger value of the two is in effect. A kernel may only say that it refuses. */
static bool is_rp_filtered(const struct way *way)
{
	int all = 0, own = 0;

	if (way->to.family != AF_INET || way->back.out == way->gateway.index ||
	    (way->node_route.errnum != EXDEV && way->node_route.errnum != EINVAL))
		return false;
	(void)sysctl_get(&all, NULL, "ipv4/conf/all/rp_filter");
	(void)sysctl_get(&own, NULL, "ipv4/conf/%s/rp_filter", way->gateway.name);
	return all > 0 || own > 0;
}

static int node_look(struct way *way, struct cni_error *err)
{
	struct netlink *nl = way->node.rtnl;
	const struct route_packet packet = {
		.to = way->to, .from = way->probe.flow.from, .in = way->gateway.index};
	const struct route_packet back = {.to = way->probe.flow.from};
	int forwarding = 0, ret = route_lookup(nl, &packet, &way->node_route, err);

	if (sysctl_get(&forwarding, NULL, "ipv6/conf/all/forwarding") == 0)
		way->ipv6_forwards = forwarding;
	if (ret == 0)
		ret = route_lookup(nl, &back, &way->back, err);
	way->rp_filtered = ret == 0 && is_rp_filtered(way);
	if (ret == 0 && way->node_route.out)
		ret = link_get_by_index(nl, way->node_route.out, &way->out, err);
	if (ret == 0 && way->back.out)
		ret = link_get_by_index(nl, way->back.out, &way->back_out, err);
	way->node_hop = way->node_route.gateway.family ? way->node_route.gateway
						       : way->to;
	if (ret == 0 && way->node_route.type == RTN_UNICAST)
		ret = neighbour_look(nl, way->out.index, &way->node_hop,
				     &way->node_neighbour, err);
	return ret;
}

int way_go(struct way *way, const struct trace *trace, bool may_load,
	   struct cni_error *err)
{
	struct flow *flow = &way->probe.flow;
	int ret = 0;

	flow->to = trace->to;
	flow->to_port = trace->port;
	flow->from = way->pod_route.source;
	flow->protocol = trace->port		       ? IPPROTO_TCP
			 : trace->to.family == AF_INET ? IPPROTO_ICMP
						       : IPPROTO_ICMPV6;
	way->probe.scope = way->inside.index;
	way->end = WAY_SENT;
	if (way->pod_route.errnum || way->pod_route.type == RTN_BROADCAST ||
	    !way->inside.up || !flow->from.family)
		way->end = WAY_NOT_SENT;
	else
		ret = send_and_await(way, may_load, err);
	if (ret == 0 && way->leaves_by_attachment)
		ret = neighbour_look(way->pod_ns.rtnl, way->inside.index, &way->pod_hop,
				     &way->pod_neighbour, err);
	if (ret == 0)
		ret = bridge_look(way, err);
	if (ret == 0)
		ret = is_for_node(way, err);
	if (ret == 0 && way->end == WAY_SENT)
		ret = pod_connection_look(way, may_load, err);
	if (ret == 0 && way->end == WAY_SENT)
		ret = connection_look(way, may_load, err);
	target_look(way);
	if (ret == 0 && way->is_routed && flow->from.family)
		ret = node_look(way, err);
	return ret;
}

/* The address of IPv6 that all routers of a subnet have is one of the node, too. */
bool way_ends_at_node(const struct way *way)
{
	return way->node_route.type == RTN_LOCAL || way->node_route.type == RTN_ANYCAST;
}

const char *way_tunnel(const struct link *out)
{
	return link_is(out, "vxlan")	   ? "VXLAN"
	       : link_is(out, "wireguard") ? "WireGuard"
					   : NULL;
}

bool way_came_through(const struct way *way)
{
	return way->end == WAY_SENT && way->probe.outcome == PROBE_ANSWERED;
}

bool way_is_refused(const struct way *way)
{
	const struct flow_probe *probe = &way->probe;
	bool by_itself = ip_equal(&probe->from, &probe->flow.to) ||
			 ip_equal(&probe->from, &way->to);

	return way->end == WAY_SENT &&
	       (probe->outcome == PROBE_RESET ||
		(flow_probe_is_refusal(probe) && by_itself)) &&
	       !watch_dropped(&way->in_pod, WATCH_SENT) &&
	       !watch_dropped(&way->on_node, WATCH_SENT);
}
