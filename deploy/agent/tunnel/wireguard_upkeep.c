/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of the log is written where something has changed. */
#include "wireguard_upkeep.h"

#include <stdio.h>

#include "conf/base/clock.h"
#include "device_names.h"
#include "tunnel_notes.h"

#define LOOK_MS 5000 /* how often the devices are looked at */

void wireguard_upkeep_clear(struct wireguard_upkeep *upkeep)
{
	tunnel_wireguard_clear(&upkeep->tunnel);
}

/* -- the devices */

static void count_done(struct tunnel_context *context,
		       const struct tunnel_wireguard_done done[WIREGUARD_SLOTS])
{
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++) {
		context->devices += done[slot].made || done[slot].changed;
		context->entries += done[slot].peers;
	}
}

static int wireguard_prepare(void *state, struct tunnel_context *context,
			     struct cni_error *err)
{
	struct wireguard_upkeep *upkeep = state;
	const struct tunnel_plan *plan = &context->plan;
	struct tunnel_wireguard_done done[WIREGUARD_SLOTS] = {};
	struct tunnel_wireguard_spec spec = {
		.port = (uint16_t)context->options->wireguard_port,
		.annotation = TUNNEL_NOTES_WIREGUARD,
		.rotate_days = context->options->rotate_key_days,
	};
	int ret;

	/* One device sends over both families. */
	spec.mtu = tunnel_mtu_of_device(&context->mtu, plan->own, TUNNEL_WIREGUARD,
					plan->addresses[1].family ? 1 : 0);
	ret = tunnel_wireguard_prepare(&upkeep->tunnel, context->rtnl, plan, &spec, done,
				       err);
	wireguard_log_done(&upkeep->log, &upkeep->tunnel.wanted, done, context->log);
	count_done(context, done);
	return ret;
}

static void wireguard_lead(const void *state, struct tunnel_plan *plan)
{
	const struct wireguard_upkeep *upkeep = state;

	tunnel_wireguard_lead(&upkeep->tunnel, plan);
}

static int wireguard_settle(void *state, struct tunnel_context *context,
			    struct cni_error *err)
{
	struct wireguard_upkeep *upkeep = state;

	return tunnel_wireguard_settle(&upkeep->tunnel, context->rtnl, err);
}

const struct tunnel_ops wireguard_ops = {
	.mode = TUNNEL_WIREGUARD,
	.prepare = wireguard_prepare,
	.lead = wireguard_lead,
	.settle = wireguard_settle,
	.remove = tunnel_wireguard_remove,
};

/* -- keys */

static void log_rotation(const struct log *log, const struct tunnel_wireguard *wireguard)
{
	char text[32];

	snprintf(text, sizeof(text), "%u", wireguard->own.generation);
	if (wireguard->two)
		log_write(log, LOG_LEVEL_INFO, "WireGuard's keys rotate", "generation",
			  text, NULL);
	else
		log_write(log, LOG_LEVEL_INFO,
			  "WireGuard's keys rotate no more: the second one goes", NULL);
}

/* Rotates the keys, if it is time. The Nodes that this waits for are logged once. */
static int rotate(struct tunnel_wireguard *wireguard,
		  const struct tunnel_context *context, struct cni_error *err)
{
	const struct options *options = context->options;
	bool waited = wireguard->waits;
	int ret = tunnel_wireguard_rotate(wireguard, options->rotate_key_days,
					  options->node_name, err);

	if (ret == TUNNEL_WIREGUARD_ROTATED)
		log_rotation(context->log, wireguard);
	if (wireguard->waits && !waited)
		log_write(context->log, LOG_LEVEL_WARN,
			  "a WireGuard key is old, and stays until these nodes have "
			  "rotated theirs: they use it",
			  "nodes", wireguard->blocking_names, NULL);
	return ret;
}

int wireguard_upkeep_look(struct wireguard_upkeep *upkeep, struct cni_error *err)
{
	return upkeep->tunnel.slots[0].index
		       ? tunnel_wireguard_look(&upkeep->tunnel, &upkeep->look, err)
		       : 0;
}

int wireguard_upkeep_tick(struct wireguard_upkeep *upkeep,
			  const struct tunnel_context *context, bool *ret_due,
			  struct cni_error *err)
{
	int64_t now = now_ms();
	int ret;

	*ret_due = false;
	if (!upkeep->tunnel.slots[0].index || now < upkeep->look_at)
		return 0;
	upkeep->look_at = now + LOOK_MS;
	wireguard_log_peers(&upkeep->log, context->log);
	ret = rotate(&upkeep->tunnel, context, err);
	/* Why the devices can't be read is told when they are prepared; and so are refused
	 * keys: their names are those of the Nodes that there are then. */
	*ret_due = ret == TUNNEL_WIREGUARD_ROTATED || wireguard_log_due(&upkeep->log) ||
		   wireguard_upkeep_look(upkeep, NULL) < 0 || !upkeep->look.right;
	return ret < 0 ? ret : 0;
}

size_t wireguard_upkeep_wish(struct wireguard_upkeep *upkeep,
			     const struct options *options,
			     const struct cluster_node *own,
			     struct annotation_wish *ret_wish)
{
	const struct wireguard_note *note = &upkeep->tunnel.own;
	bool on = options_have_tunnel(options, TUNNEL_WIREGUARD);

	if (!own ||
	    (on ? !note->ends[0].port : !node_annotation(own, TUNNEL_NOTES_WIREGUARD)))
		return 0;
	*ret_wish = (struct annotation_wish){.name = WIREGUARD_ANNOTATION};
	if (on)
		ret_wish->value = wireguard_note_format(note, upkeep->note);
	return 1;
}
