/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order in which tunnels, guard and routes become what the nodes need. */
#include "follow.h"

#include "conf/base/clock.h"

/* Tells the guard the addresses of pods of former podCIDRs, to which packets may come in,
 * too. True: they are others than before. */
static bool tell_guard(struct agent *agent)
{
	const struct former_address_list *list = &agent->former.pods.addresses;
	_cleanup_(free_p) struct ip_prefix *addresses = calloc(list->n + 1,
							       sizeof(*addresses));
	size_t n = 0;

	for (size_t i = 0; addresses && i < list->n; i++)
		if (!list->items[i].taken)
			addresses[n++] = (struct ip_prefix){
				.addr = list->items[i].address.addr,
				.len = ip_bits(list->items[i].address.addr.family)};
	return addresses && guard_keep_former(&agent->tunnel.guard, addresses, n);
}

void follow_guard(struct agent *agent)
{
	bool told = tell_guard(agent);

	if (agent->nodes_changed)
		return;
	if ((told || tunnel_upkeep_guard_due(&agent->tunnel)) &&
	    !tunnel_upkeep_guard(&agent->tunnel))
		route_upkeep_soon(&agent->routes);
}

/* Packets that are to be encrypted must not leave in the clear while there is no route. */
static bool close_default(struct agent *agent)
{
	if (agent->options->tunnel != TUNNEL_WIREGUARD)
		return route_upkeep_unseal(&agent->routes);
	return route_upkeep_seal(&agent->routes, &agent->nodes,
				 &agent->options->cluster_cidrs, &agent->ranges.around);
}

/* Tunnels are there before routes lead by them, and go after the routes. */
void follow_routes(struct agent *agent)
{
	struct annotation_wish wishes[TUNNEL_WISHES_MAX];
	bool right, closed;
	size_t n;

	(void)tell_guard(agent);
	right = tunnel_upkeep_prepare(&agent->tunnel, &agent->nodes);
	if (!tunnel_upkeep_planned(&agent->tunnel)) {
		agent->routes.due_at = now_ms() + AGENT_RETRY_MS;
		return;
	}
	closed = close_default(agent);
	route_upkeep_run(&agent->routes, &agent->nodes,
			 tunnel_upkeep_plan(&agent->tunnel));
	right &= closed && (agent->options->tunnel != TUNNEL_WIREGUARD ||
			    route_upkeep_admit(&agent->routes));
	right &= tunnel_upkeep_settle(&agent->tunnel);
	n = tunnel_upkeep_wishes(&agent->tunnel, &agent->nodes, wishes);
	reflector_annotate(agent->reflector, wishes, n);
	if (!right && agent->routes.due_at > now_ms() + AGENT_RETRY_MS)
		agent->routes.due_at = now_ms() + AGENT_RETRY_MS;
}
