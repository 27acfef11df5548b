/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plan, guard, devices, routes (which are not made here), and then what is left over goes:
 * each is there before that which needs it, and goes after it. */
#include "tunnel_upkeep.h"

#include <stdio.h>

#include "device_names.h"
#include "tunnel_device.h"

static const struct mode {
	const struct tunnel_ops *ops;
	size_t state; /* where struct tunnel_upkeep has the mode's own */
	enum tunnel_step prepare, settle;
} modes[] = {
	{&vxlan_ops, offsetof(struct tunnel_upkeep, vxlan), TUNNEL_VXLAN_PREPARE,
	 TUNNEL_VXLAN_SETTLE},
	{&wireguard_ops, offsetof(struct tunnel_upkeep, wireguard),
	 TUNNEL_WIREGUARD_PREPARE, TUNNEL_WIREGUARD_SETTLE},
};

static const char *const failures[TUNNEL_STEPS] = {
	[TUNNEL_PLAN] = "the tunnels can't be planned",
	[TUNNEL_GUARD] = "the guard of the tunnels isn't right",
	[TUNNEL_STOP] = "the tunnels have no guard, and their devices can't be set down",
	[TUNNEL_VXLAN_PREPARE] = "the VXLAN tunnel isn't right",
	[TUNNEL_VXLAN_SETTLE] = "old entries of the VXLAN tunnel can't be removed",
	[TUNNEL_WIREGUARD_PREPARE] = "the WireGuard tunnel isn't right",
	[TUNNEL_WIREGUARD_SETTLE] = "old peers of the WireGuard tunnel can't be removed",
	[TUNNEL_ROTATE] = "the WireGuard key can't be rotated",
	[TUNNEL_SWEEP] = "a former tunnel can't be removed",
};

void tunnel_upkeep_clear(struct tunnel_upkeep *upkeep)
{
	tunnel_plan_clear(&upkeep->context.plan);
	guard_keep_clear(&upkeep->guard);
	vxlan_upkeep_clear(&upkeep->vxlan);
	wireguard_upkeep_clear(&upkeep->wireguard);
}

static bool is_on(const struct tunnel_upkeep *upkeep)
{
	return upkeep->context.options->tunnel || upkeep->context.options->tunnel_receive;
}

static void *state_of(struct tunnel_upkeep *upkeep, const struct mode *mode)
{
	return (char *)upkeep + mode->state;
}

/* Logs the step's error once, and keeps the first one for pages. Returns whether there
 * was none. */
static bool step_done(struct tunnel_upkeep *upkeep, enum tunnel_step step, int ret,
		      struct cni_error *err)
{
	if (ret >= 0) {
		upkeep->errors[step] = 0;
		return true;
	}
	if (!upkeep->wrong[0])
		snprintf(upkeep->wrong, sizeof(upkeep->wrong), "%.*s",
			 (int)sizeof(upkeep->wrong) - 1, err->msg);
	log_error_once(upkeep->context.log, &upkeep->errors[step], failures[step], err);
	return false;
}

/* -- the guard */

bool tunnel_upkeep_guard(struct tunnel_upkeep *upkeep)
{
	struct cni_error err = {};

	/* No tunnel is asked for, or none is planned yet. */
	if (!upkeep->context.plan.peers)
		return true;
	return step_done(upkeep, TUNNEL_GUARD,
			 guard_keep_run(&upkeep->guard, &upkeep->context, &err), &err);
}

bool tunnel_upkeep_guard_due(struct tunnel_upkeep *upkeep)
{
	return upkeep->context.plan.peers &&
	       guard_keep_due(&upkeep->guard, upkeep->context.nft);
}

static int guard_remove(struct tunnel_upkeep *upkeep, struct cni_error *err)
{
	bool removed;
	int ret = tunnel_guard_remove(upkeep->context.nft, &removed, err);

	if (ret == 0 && removed)
		log_write(upkeep->context.log, LOG_LEVEL_INFO, "tunnels' guard removed",
			  NULL);
	return ret;
}

/* -- what is added before the routes */

/* After an error there is no plan. VXLAN tells nodes apart by their addresses. */
static int plan_make(struct tunnel_upkeep *upkeep, const struct node_table *nodes,
		     struct cni_error *err)
{
	const struct options *options = upkeep->context.options;
	struct tunnel_plan *plan = &upkeep->context.plan;
	bool by_key = !options_have_tunnel(options, TUNNEL_VXLAN);
	int ret = tunnel_plan_make(nodes, options->node_name, by_key, plan, err);

	if (ret == 0)
		ret = flannel_upkeep_plan(&upkeep->flannel, plan, err);
	/* The devices' MTU is part of it, so that they are prepared wholly or not at all. */
	if (ret == 0 && plan->own)
		ret = tunnel_mtu_refresh(&upkeep->context.mtu, plan->own, err);
	if (ret < 0)
		tunnel_plan_clear(plan);
	plan->by_gateway = options->tunnel == TUNNEL_VXLAN;
	plan->always = options->tunnel_always;
	shared_addresses_tell(&upkeep->shared, plan, upkeep->context.log);
	return ret;
}

static bool mode_prepare(struct tunnel_upkeep *upkeep, const struct mode *mode)
{
	struct tunnel_context *context = &upkeep->context;
	struct cni_error err = {};
	int ret = mode->ops->prepare(state_of(upkeep, mode), context, &err);

	/* After an error, too: what could be prepared serves. */
	if (context->options->tunnel == mode->ops->mode)
		mode->ops->lead(state_of(upkeep, mode), &context->plan);
	return step_done(upkeep, mode->prepare, ret, &err);
}

bool tunnel_upkeep_prepare(struct tunnel_upkeep *upkeep, const struct node_table *nodes)
{
	struct tunnel_context *context = &upkeep->context;
	struct cni_error err = {};
	bool right;
	int ret;

	tunnel_plan_clear(&context->plan);
	upkeep->wrong[0] = '\0';
	if (!is_on(upkeep))
		return true;
	ret = plan_make(upkeep, nodes, &err);
	if (!step_done(upkeep, TUNNEL_PLAN, ret, &err))
		return false;
	right = tunnel_upkeep_guard(upkeep);
	/* Where only the newest change of the guard has failed, traffic goes on. */
	if (!right && !guard_keep_stands(context->nft)) {
		ret = tunnel_devices_stop(context->rtnl, &err);
		(void)step_done(upkeep, TUNNEL_STOP, ret, &err);
		return false;
	}
	/* As long as this node isn't known, its devices stay as they are. */
	for (size_t i = 0; context->plan.own && i < ARRAY_SIZE(modes); i++)
		if (options_have_tunnel(context->options, modes[i].ops->mode))
			right &= mode_prepare(upkeep, &modes[i]);
	return right;
}

bool tunnel_upkeep_planned(const struct tunnel_upkeep *upkeep)
{
	return !is_on(upkeep) || upkeep->context.plan.peers;
}

const struct tunnel_plan *tunnel_upkeep_plan(const struct tunnel_upkeep *upkeep)
{
	return upkeep->context.options->tunnel ? &upkeep->context.plan : NULL;
}

/* -- what goes after the routes */

/* Removes what an earlier agent, with other options, has left. */
static int sweep(struct tunnel_upkeep *upkeep, struct cni_error *err)
{
	const struct tunnel_context *context = &upkeep->context;
	int ret = 0;

	for (size_t i = 0; ret >= 0 && i < ARRAY_SIZE(modes); i++) {
		const struct tunnel_ops *ops = modes[i].ops;

		if (options_have_tunnel(context->options, ops->mode))
			continue;
		ret = ops->remove(context->rtnl, err);
		if (ret == TUNNEL_DEVICE_REMOVED)
			log_write(context->log, LOG_LEVEL_INFO,
				  "tunnel removed, as the options don't ask for it",
				  "tunnel", tunnel_mode_names[ops->mode], NULL);
	}
	/* The guard goes after the devices. */
	if (ret >= 0 && !is_on(upkeep))
		ret = guard_remove(upkeep, err);
	upkeep->swept = ret >= 0;
	return ret;
}

static bool mode_settle(struct tunnel_upkeep *upkeep, const struct mode *mode)
{
	struct cni_error err = {};
	int ret = mode->ops->settle(state_of(upkeep, mode), &upkeep->context, &err);

	return step_done(upkeep, mode->settle, ret, &err);
}

bool tunnel_upkeep_settle(struct tunnel_upkeep *upkeep)
{
	const struct tunnel_context *context = &upkeep->context;
	struct cni_error err = {};
	bool right = upkeep->swept ||
		     step_done(upkeep, TUNNEL_SWEEP, sweep(upkeep, &err), &err);

	for (size_t i = 0; context->plan.own && i < ARRAY_SIZE(modes); i++)
		if (options_have_tunnel(context->options, modes[i].ops->mode))
			right &= mode_settle(upkeep, &modes[i]);
	return right;
}

bool tunnel_has_wireguard(const struct netlink *rtnl)
{
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		if (netlink_ifindex(rtnl, wireguard_device_names[slot]))
			return true;
	return false;
}

int tunnel_remove(struct netlink *rtnl, struct netlink *nft, struct cni_error *err)
{
	bool removed;
	int ret = 0;

	for (size_t i = 0; ret >= 0 && i < ARRAY_SIZE(modes); i++)
		ret = modes[i].ops->remove(rtnl, err);
	/* The guard goes after the devices. */
	return ret < 0 ? ret : tunnel_guard_remove(nft, &removed, err);
}

/* -- between two times */

int tunnel_upkeep_fd(const struct tunnel_upkeep *upkeep)
{
	return upkeep->vxlan.tunnel.events_fd;
}

bool tunnel_upkeep_events(struct tunnel_upkeep *upkeep)
{
	return tunnel_vxlan_events(&upkeep->vxlan.tunnel);
}

bool tunnel_upkeep_tick(struct tunnel_upkeep *upkeep)
{
	struct cni_error err = {};
	bool due;
	int ret = wireguard_upkeep_tick(&upkeep->wireguard, &upkeep->context, &due, &err);

	(void)step_done(upkeep, TUNNEL_ROTATE, ret, &err);
	return due;
}

size_t tunnel_upkeep_wishes(struct tunnel_upkeep *upkeep, const struct node_table *nodes,
			    struct annotation_wish ret_wishes[TUNNEL_WISHES_MAX])
{
	const struct tunnel_context *context = &upkeep->context;
	const struct cluster_node *own = node_table_find(nodes,
							 context->options->node_name);
	bool ready = vxlan_upkeep_ready(&upkeep->vxlan, &context->plan);
	size_t n = flannel_upkeep_wishes(&upkeep->flannel, &context->plan, own, ready,
					 ret_wishes);

	return n + wireguard_upkeep_wish(&upkeep->wireguard, context->options, own,
					 ret_wishes + n);
}

static bool is_reached(const struct tunnel_peer *peer, int family)
{
	struct tunnel_end end;

	return tunnel_peer_end(peer, family, &end) == ROUTE_FINE && end.device;
}

size_t tunnel_upkeep_peers(const struct tunnel_upkeep *upkeep)
{
	const struct tunnel_plan *plan = &upkeep->context.plan;
	size_t n = 0;

	for (size_t i = 0; i < plan->n_peers; i++)
		n += is_reached(&plan->peers[i], 0) || is_reached(&plan->peers[i], 1);
	return n;
}
