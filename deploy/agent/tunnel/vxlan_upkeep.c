/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of the log tells of each device, and one of all entries together. */
#include "vxlan_upkeep.h"

#include <stdio.h>

#include "device_names.h"

void vxlan_upkeep_init(struct vxlan_upkeep *upkeep, uint32_t resync_seconds)
{
	*upkeep = (struct vxlan_upkeep){
		.tunnel.events_fd = -1,
		.silent.interval_seconds = resync_seconds,
	};
}

void vxlan_upkeep_clear(struct vxlan_upkeep *upkeep)
{
	tunnel_vxlan_clear(&upkeep->tunnel);
	silent_peers_clear(&upkeep->silent);
}

static void log_done(struct tunnel_context *context, const struct tunnel_vxlan_done *done)
{
	char text[64];

	for (int i = 0; i < IP_FAMILIES; i++) {
		if (done->made[i] || done->changed[i] || done->removed[i])
			log_write(context->log, LOG_LEVEL_INFO,
				  done->made[i]	     ? "tunnel device made"
				  : done->changed[i] ? "tunnel device put right"
						     : "tunnel device removed",
				  "device", vxlan_device_names[i], NULL);
		context->devices += done->made[i] || done->changed[i];
	}
	context->entries += done->entries.set + done->entries.removed;
	snprintf(text, sizeof(text), "%zu set, %zu removed", done->entries.set,
		 done->entries.removed);
	if (done->entries.set || done->entries.removed)
		log_write(context->log, LOG_LEVEL_INFO, "entries of the tunnel", "what",
			  text, NULL);
}

static struct tunnel_vxlan_spec spec_of(const struct tunnel_context *context)
{
	const struct tunnel_plan *plan = &context->plan;
	struct tunnel_vxlan_spec spec = {
		.vni = context->options->vxlan_id,
		.port = (uint16_t)context->options->vxlan_port,
	};

	for (int i = 0; i < IP_FAMILIES; i++)
		spec.mtu[i] = tunnel_mtu_of_device(&context->mtu, plan->own, TUNNEL_VXLAN,
						   i);
	return spec;
}

static int vxlan_prepare(void *state, struct tunnel_context *context,
			 struct cni_error *err)
{
	struct vxlan_upkeep *upkeep = state;
	struct tunnel_vxlan_done done = {};
	const struct tunnel_vxlan_spec spec = spec_of(context);
	int ret = tunnel_vxlan_prepare(&upkeep->tunnel, context->rtnl, &context->plan,
				       &spec, &done, err);

	if (ret == 0 && context->plan.addresses[1].family)
		ret = tunnel_mtu_of_hops(err);
	log_done(context, &done);
	return ret;
}

static void vxlan_lead(const void *state, struct tunnel_plan *plan)
{
	const struct vxlan_upkeep *upkeep = state;

	tunnel_vxlan_lead(&upkeep->tunnel, plan);
}

static int vxlan_settle(void *state, struct tunnel_context *context,
			struct cni_error *err)
{
	struct vxlan_upkeep *upkeep = state;
	struct tunnel_vxlan_done done = {};
	int ret = tunnel_vxlan_settle(&upkeep->tunnel, context->rtnl, &context->plan,
				      &done, err);

	log_done(context, &done);
	if (context->options->tunnel == TUNNEL_VXLAN)
		silent_peers_look(&upkeep->silent, context->rtnl, context->nft,
				  &upkeep->tunnel, &context->plan, context->log);
	return ret;
}

const struct tunnel_ops vxlan_ops = {
	.mode = TUNNEL_VXLAN,
	.prepare = vxlan_prepare,
	.lead = vxlan_lead,
	.settle = vxlan_settle,
	.remove = tunnel_vxlan_remove,
};

bool vxlan_upkeep_ready(const struct vxlan_upkeep *upkeep, const struct tunnel_plan *plan)
{
	for (int i = 0; i < IP_FAMILIES; i++)
		if (plan->addresses[i].family && !upkeep->tunnel.sides[i].index)
			return false;
	return true;
}
