/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WireGuard as a mode of the tunnels: what the options say becomes tunnel_wireguard.h's
 * devices, the keys are rotated when their time has come, and the log tells of both. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_UPKEEP_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_UPKEEP_H

#include "deploy/agent/api/annotation_patch.h"
#include "tunnel_ops.h"
#include "tunnel_wireguard.h"
#include "wireguard_log.h"

/* The manifest that lets an agent write its Node's WireGuard key. */
#define WIREGUARD_RIGHTS "deploy/wireguard.yaml"

/* Zero-initialise it. */
struct wireguard_upkeep {
	struct tunnel_wireguard tunnel;
	struct wireguard_log log;
	struct tunnel_wireguard_look look; /* of the last time */
	int64_t look_at; /* when the devices are looked at, by now_ms() */
	char note[WIREGUARD_NOTE_MAX]; /* the text of a wish */
};
void wireguard_upkeep_clear(struct wireguard_upkeep *upkeep);

/* Their state is a struct wireguard_upkeep. */
extern const struct tunnel_ops wireguard_ops;

/* Reads the devices into upkeep->look, which a failure leaves as it was. The errors of
 * tunnel_wireguard_look(). */
int wireguard_upkeep_look(struct wireguard_upkeep *upkeep, struct cni_error *err);

/*
 * Rotates keys, and looks at the devices, of whose peers the kernel tells no changes; every
 * few seconds, however often it is called. Gives whether the devices have to be prepared,
 * also after an error. The errors of tunnel_wireguard_rotate().
 */
int wireguard_upkeep_tick(struct wireguard_upkeep *upkeep,
			  const struct tunnel_context *context, bool *ret_due,
			  struct cni_error *err);

/*
 * Gives the annotation that @own, this node, is to have: its key, or none where the mode
 * isn't in use. Returns how many wishes it gave, 1 or 0; 0: the annotation is left as it
 * is. The text is valid until the next call.
 */
size_t wireguard_upkeep_wish(struct wireguard_upkeep *upkeep,
			     const struct options *options,
			     const struct cluster_node *own,
			     struct annotation_wish *ret_wish);

#endif
