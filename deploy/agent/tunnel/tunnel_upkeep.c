/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each mode that is in use is prepared; the one that this node sends by gives the peers
 * their devices. */
#include "tunnel_upkeep.h"

void tunnel_upkeep_clear(struct tunnel_upkeep *upkeep)
{
	tunnel_plan_clear(&upkeep->plan);
}

static bool is_on(const struct tunnel_upkeep *upkeep)
{
	return upkeep->options->tunnel || upkeep->options->tunnel_receive;
}

bool tunnel_upkeep_prepare(struct tunnel_upkeep *upkeep, const struct node_table *nodes)
{
	const struct options *options = upkeep->options;
	struct cni_error err = {};

	tunnel_plan_clear(&upkeep->plan);
	if (!is_on(upkeep))
		return true;
	if (tunnel_plan_make(nodes, options->node_name, &upkeep->plan, &err) < 0) {
		log_error_once(upkeep->log, &upkeep->error,
			       "the tunnels can't be planned", &err);
		return false;
	}
	upkeep->plan.by_gateway = options->tunnel == TUNNEL_VXLAN;
	upkeep->plan.always = options->tunnel_always;
	upkeep->error = 0;
	return true;
}

const struct tunnel_plan *tunnel_upkeep_plan(const struct tunnel_upkeep *upkeep)
{
	return upkeep->options->tunnel && upkeep->plan.peers ? &upkeep->plan : NULL;
}

bool tunnel_upkeep_settle(struct tunnel_upkeep *upkeep)
{
	(void)upkeep;
	return true;
}
