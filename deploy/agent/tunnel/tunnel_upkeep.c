/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each mode that is in use is prepared; the one that this node sends by gives the peers
 * their devices. */
#include "tunnel_upkeep.h"

#include <stdio.h>

#include "conf/base/clock.h"
#include "tunnel_notes.h"
#include "wireguard_keep.h"

#define LOOK_MS 5000 /* how often the WireGuard device is looked at */

void tunnel_upkeep_clear(struct tunnel_upkeep *upkeep)
{
	tunnel_plan_clear(&upkeep->plan);
	guard_keep_clear(&upkeep->guard);
	tunnel_vxlan_clear(&upkeep->vxlan);
	tunnel_wireguard_clear(&upkeep->wireguard);
	silent_peers_clear(&upkeep->silent);
}

static bool is_on(const struct tunnel_upkeep *upkeep)
{
	return upkeep->options->tunnel || upkeep->options->tunnel_receive;
}

/* Logs an error once, and keeps its beginning for pages. Returns false. */
static bool failed(struct tunnel_upkeep *upkeep, const char *what, struct cni_error *err)
{
	snprintf(upkeep->wrong, sizeof(upkeep->wrong), "%.*s",
		 (int)sizeof(upkeep->wrong) - 1, err->msg);
	log_error_once(upkeep->log, &upkeep->error, what, err);
	return false;
}

/* -- the guard */

static void log_guard(const struct tunnel_upkeep *upkeep, const struct guard_done *done)
{
	char text[96];

	if (!done->made && !done->rules && !done->added && !done->deleted)
		return;
	snprintf(text, sizeof(text), "%s%zu added, %zu deleted",
		 done->made    ? "table made, "
		 : done->rules ? "rules put right, "
			       : "",
		 done->added, done->deleted);
	log_write(upkeep->log,
		  done->made || done->rules ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
		  "guard of the tunnels", "what", text, NULL);
}

bool tunnel_upkeep_guard(struct tunnel_upkeep *upkeep)
{
	struct guard_done done = {};
	struct cni_error err = {};
	int ret;

	/* No tunnel is asked for, or none is planned yet. */
	if (!upkeep->plan.peers)
		return true;
	ret = guard_keep_run(&upkeep->guard, upkeep->nft, &upkeep->plan, upkeep->options,
			     &done, &err);
	log_guard(upkeep, &done);
	return ret == 0 || failed(upkeep, "the guard of the tunnels isn't right", &err);
}

bool tunnel_upkeep_guard_due(struct tunnel_upkeep *upkeep)
{
	return upkeep->plan.peers && guard_keep_due(&upkeep->guard, upkeep->nft);
}

/* -- VXLAN */

static void log_vxlan(struct tunnel_upkeep *upkeep, const struct tunnel_vxlan_done *done)
{
	char text[64];

	for (int i = 0; i < IP_FAMILIES; i++) {
		if (done->made[i] || done->changed[i] || done->removed[i])
			log_write(upkeep->log, LOG_LEVEL_INFO,
				  done->made[i]	     ? "tunnel device made"
				  : done->changed[i] ? "tunnel device put right"
						     : "tunnel device removed",
				  "device", vxlan_device_names[i], NULL);
		upkeep->devices += done->made[i] || done->changed[i];
	}
	upkeep->entries += done->entries.set + done->entries.removed;
	snprintf(text, sizeof(text), "%zu set, %zu removed", done->entries.set,
		 done->entries.removed);
	if (done->entries.set || done->entries.removed)
		log_write(upkeep->log, LOG_LEVEL_INFO, "entries of the tunnel", "what",
			  text, NULL);
}

static int vxlan_spec(struct tunnel_upkeep *upkeep, struct tunnel_vxlan_spec *ret_spec,
		      struct cni_error *err)
{
	const struct tunnel_plan *plan = &upkeep->plan;
	struct tunnel_vxlan_spec spec = {
		.vni = upkeep->options->vxlan_id,
		.port = (uint16_t)upkeep->options->vxlan_port,
	};
	int ret = 0;

	for (int i = 0; ret == 0 && i < IP_FAMILIES; i++)
		if (plan->addresses[i].family)
			ret = tunnel_mtu_of_device(&upkeep->mtu, plan->own, TUNNEL_VXLAN,
						   i, &spec.mtu[i], err);
	if (ret == 0)
		*ret_spec = spec;
	return ret;
}

static bool vxlan_prepare(struct tunnel_upkeep *upkeep)
{
	struct tunnel_vxlan_done done = {};
	struct tunnel_vxlan_spec spec;
	struct cni_error err = {};
	int ret = vxlan_spec(upkeep, &spec, &err);

	if (ret == 0)
		ret = tunnel_vxlan_prepare(&upkeep->vxlan, upkeep->rtnl, &upkeep->plan,
					   &spec, &done, &err);
	if (ret == 0 && upkeep->plan.addresses[1].family)
		ret = tunnel_mtu_of_hops(&err);
	log_vxlan(upkeep, &done);
	if (upkeep->options->tunnel == TUNNEL_VXLAN)
		tunnel_vxlan_lead(&upkeep->vxlan, &upkeep->plan);
	return ret == 0 || failed(upkeep, "the VXLAN tunnel isn't right", &err);
}

static bool vxlan_settle(struct tunnel_upkeep *upkeep)
{
	struct tunnel_vxlan_done done = {};
	struct cni_error err = {};
	int ret = tunnel_vxlan_settle(&upkeep->vxlan, upkeep->rtnl, &upkeep->plan, &done,
				      &err);

	log_vxlan(upkeep, &done);
	return ret == 0 ||
	       failed(upkeep, "old entries of the tunnel can't be removed", &err);
}

/* -- WireGuard */

static void wireguard_done(struct tunnel_upkeep *upkeep, int slot,
			   const struct tunnel_wireguard_done *done)
{
	wireguard_keep_log(upkeep->log, wireguard_device_names[slot], done);
	upkeep->devices += done->made || done->changed;
	upkeep->entries += done->peers;
}

/* A Node that isn't known for the moment has its device all the same. */
static bool wireguard_prepare(struct tunnel_upkeep *upkeep)
{
	const struct tunnel_plan *plan = &upkeep->plan;
	struct tunnel_wireguard_done done[WIREGUARD_SLOTS] = {};
	struct tunnel_wireguard_spec spec = {
		.port = (uint16_t)upkeep->options->wireguard_port,
		.annotation = TUNNEL_NOTES_WIREGUARD,
		.rotate_days = upkeep->options->rotate_key_days,
	};
	struct cni_error err = {};
	int ret;

	if (!plan->own)
		return true;
	/* One device sends over both families. */
	ret = tunnel_mtu_of_device(&upkeep->mtu, plan->own, TUNNEL_WIREGUARD,
				   plan->addresses[1].family ? 1 : 0, &spec.mtu, &err);
	if (ret == 0)
		ret = tunnel_wireguard_prepare(&upkeep->wireguard, upkeep->rtnl, plan,
					       &spec, done, &err);
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		wireguard_done(upkeep, slot, &done[slot]);
	if (upkeep->options->tunnel == TUNNEL_WIREGUARD)
		tunnel_wireguard_lead(&upkeep->wireguard, &upkeep->plan);
	return ret == 0 || failed(upkeep, "the WireGuard tunnel isn't right", &err);
}

static bool wireguard_settle(struct tunnel_upkeep *upkeep)
{
	struct cni_error err = {};

	return tunnel_wireguard_settle(&upkeep->wireguard, upkeep->rtnl, &err) == 0 ||
	       failed(upkeep, "old peers of the tunnel can't be removed", &err);
}

bool tunnel_upkeep_tick(struct tunnel_upkeep *upkeep)
{
	struct cni_error err = {};
	int64_t now = now_ms();
	int ret;

	if (!upkeep->wireguard.slots[0].index || now < upkeep->look_at)
		return false;
	upkeep->look_at = now + LOOK_MS;
	ret = wireguard_keep_rotate(&upkeep->wireguard, upkeep->options, upkeep->log,
				    &err);
	if (ret < 0)
		failed(upkeep, "the WireGuard key can't be rotated", &err);
	if (ret == TUNNEL_WIREGUARD_ROTATED)
		return true;
	/* Why it can't be read is told when it is to be mended. */
	return tunnel_wireguard_look(&upkeep->wireguard, &upkeep->look, NULL) < 0 ||
	       !upkeep->look.right;
}

/* -- all of them */

/* After an error there is no plan. VXLAN tells nodes apart by their addresses. */
static int plan_make(struct tunnel_upkeep *upkeep, const struct node_table *nodes,
		     struct cni_error *err)
{
	const struct options *options = upkeep->options;
	bool by_key = !options_have_tunnel(options, TUNNEL_VXLAN);
	int ret = tunnel_plan_make(nodes, options->node_name, by_key, &upkeep->plan, err);

	if (ret == 0)
		ret = flannel_upkeep_plan(&upkeep->flannel, &upkeep->plan, err);
	if (ret < 0)
		tunnel_plan_clear(&upkeep->plan);
	upkeep->plan.by_gateway = options->tunnel == TUNNEL_VXLAN;
	upkeep->plan.always = options->tunnel_always;
	shared_addresses_tell(&upkeep->shared, &upkeep->plan, upkeep->log);
	return ret;
}

bool tunnel_upkeep_prepare(struct tunnel_upkeep *upkeep, const struct node_table *nodes)
{
	const struct options *options = upkeep->options;
	struct cni_error err = {};
	bool right;

	tunnel_plan_clear(&upkeep->plan);
	upkeep->wrong[0] = '\0';
	if (!is_on(upkeep))
		return true;
	if (plan_make(upkeep, nodes, &err) < 0)
		return failed(upkeep, "the tunnels can't be planned", &err);
	right = tunnel_upkeep_guard(upkeep);
	/* No device without a guard; but where only the newest change of it has failed,
	 * traffic goes on. */
	if (!right && !guard_keep_stands(upkeep->nft))
		return false;
	if (options_have_tunnel(options, TUNNEL_VXLAN))
		right &= vxlan_prepare(upkeep);
	if (options_have_tunnel(options, TUNNEL_WIREGUARD))
		right &= wireguard_prepare(upkeep);
	return right;
}

bool tunnel_upkeep_planned(const struct tunnel_upkeep *upkeep)
{
	return !is_on(upkeep) || upkeep->plan.peers;
}

const struct tunnel_plan *tunnel_upkeep_plan(const struct tunnel_upkeep *upkeep)
{
	return upkeep->options->tunnel ? &upkeep->plan : NULL;
}

static int guard_remove(struct tunnel_upkeep *upkeep, struct cni_error *err)
{
	bool removed;
	int ret = tunnel_guard_remove(upkeep->nft, &removed, err);

	if (ret == 0 && removed)
		log_write(upkeep->log, LOG_LEVEL_INFO, "tunnels' guard removed", NULL);
	return ret;
}

static void log_swept(const struct tunnel_upkeep *upkeep, enum tunnel_mode mode)
{
	log_write(upkeep->log, LOG_LEVEL_INFO,
		  "tunnel removed, as the options don't ask for it", "tunnel",
		  tunnel_mode_names[mode], NULL);
}

/* Removes what an earlier agent, with other options, has left. */
static bool sweep(struct tunnel_upkeep *upkeep)
{
	struct cni_error err = {};
	int ret = 0;

	if (!options_have_tunnel(upkeep->options, TUNNEL_VXLAN))
		ret = tunnel_vxlan_remove(upkeep->rtnl, &err);
	if (ret == VXLAN_DEVICE_REMOVED)
		log_swept(upkeep, TUNNEL_VXLAN);
	if (ret >= 0 && !options_have_tunnel(upkeep->options, TUNNEL_WIREGUARD)) {
		ret = tunnel_wireguard_remove(upkeep->rtnl, &err);
		if (ret == WIREGUARD_DEVICE_REMOVED)
			log_swept(upkeep, TUNNEL_WIREGUARD);
	}
	/* The guard goes after the devices. */
	if (ret >= 0 && !is_on(upkeep))
		ret = guard_remove(upkeep, &err);
	upkeep->swept = ret >= 0;
	return ret >= 0 || failed(upkeep, "a former tunnel can't be removed", &err);
}

bool tunnel_upkeep_settle(struct tunnel_upkeep *upkeep)
{
	bool right = upkeep->swept || sweep(upkeep);

	if (options_have_tunnel(upkeep->options, TUNNEL_VXLAN) && upkeep->plan.peers)
		right &= vxlan_settle(upkeep);
	if (options_have_tunnel(upkeep->options, TUNNEL_WIREGUARD) && upkeep->plan.own)
		right &= wireguard_settle(upkeep);
	if (upkeep->options->tunnel == TUNNEL_VXLAN && upkeep->plan.peers)
		silent_peers_look(&upkeep->silent, upkeep->rtnl, upkeep->nft,
				  &upkeep->vxlan, &upkeep->plan, upkeep->log);
	if (!upkeep->wrong[0])
		upkeep->error = 0;
	return right;
}

int tunnel_upkeep_fd(const struct tunnel_upkeep *upkeep)
{
	return upkeep->vxlan.events_fd;
}

bool tunnel_upkeep_events(struct tunnel_upkeep *upkeep)
{
	return tunnel_vxlan_events(&upkeep->vxlan);
}

/* In other modes the annotation goes, where the Node has it. Returns how many wishes. */
static size_t wireguard_wish(struct tunnel_upkeep *upkeep, const struct cluster_node *own,
			     struct annotation_wish *ret_wish)
{
	const struct wireguard_note *note = &upkeep->wireguard.own;
	bool on = options_have_tunnel(upkeep->options, TUNNEL_WIREGUARD);

	if (!own ||
	    (on ? !note->ends[0].port : !node_annotation(own, TUNNEL_NOTES_WIREGUARD)))
		return 0;
	*ret_wish = (struct annotation_wish){.name = WIREGUARD_ANNOTATION};
	if (on)
		ret_wish->value = wireguard_note_format(note, upkeep->note);
	return 1;
}

size_t tunnel_upkeep_wishes(struct tunnel_upkeep *upkeep, const struct node_table *nodes,
			    struct annotation_wish ret_wishes[TUNNEL_WISHES_MAX])
{
	const struct cluster_node *own = node_table_find(nodes,
							 upkeep->options->node_name);
	bool ready = true;
	size_t n;

	for (int i = 0; i < IP_FAMILIES; i++)
		ready = ready && (!upkeep->plan.addresses[i].family ||
				  upkeep->vxlan.sides[i].index);
	n = flannel_upkeep_wishes(&upkeep->flannel, &upkeep->plan, own, ready,
				  ret_wishes);
	return n + wireguard_wish(upkeep, own, ret_wishes + n);
}

static bool is_reached(const struct tunnel_peer *peer, int family)
{
	struct tunnel_end end;

	return tunnel_peer_end(peer, family, &end) == ROUTE_FINE && end.device;
}

size_t tunnel_upkeep_peers(const struct tunnel_upkeep *upkeep)
{
	size_t n = 0;

	for (size_t i = 0; i < upkeep->plan.n_peers; i++)
		n += is_reached(&upkeep->plan.peers[i], 0) ||
		     is_reached(&upkeep->plan.peers[i], 1);
	return n;
}

int tunnel_remove(struct netlink *rtnl, struct netlink *nft, struct cni_error *err)
{
	int ret = tunnel_vxlan_remove(rtnl, err), guard;
	bool removed;

	if (ret >= 0)
		ret = tunnel_wireguard_remove(rtnl, err);
	/* The guard goes after the devices. */
	guard = ret < 0 ? ret : tunnel_guard_remove(nft, &removed, err);
	return guard < 0 ? guard : ret;
}
