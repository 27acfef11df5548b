/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One slot after the other is prepared; what both know of a peer decides which of them
 * routes lead by. */
#include "tunnel_wireguard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conf/base/clock.h"
#include "device_names.h"
#include "tunnel_device.h"
#include "wireguard_genl.h"
#include "wireguard_recall.h"

/* A session ends, and another handshake is due, so many seconds after the last one. */
#define SESSION_SECONDS 180
/* The second slot stays so long after the last peer was sent to by it. */
#define LEAVE_MS (SESSION_SECONDS * 1000)

void tunnel_wireguard_clear(struct tunnel_wireguard *wireguard)
{
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		wireguard_changes_clear(&wireguard->slots[slot].late);
	wireguard_wanted_clear(&wireguard->wanted);
	free(wireguard->pairs);
	*wireguard = (struct tunnel_wireguard){};
}

static int n_slots(const struct tunnel_wireguard *wireguard)
{
	return wireguard->two ? WIREGUARD_SLOTS : 1;
}

/* Goes on where the agent was when the Node last heard from it. */
static int begin(struct tunnel_wireguard *wireguard, struct netlink *nl,
		 const struct tunnel_plan *plan, const struct tunnel_wireguard_spec *spec,
		 struct cni_error *err)
{
	const char *text = node_annotation(plan->own, spec->annotation);
	struct wireguard_note note = {};
	bool had_two = text && wireguard_note_parse(text, &note) == 0 &&
		       note.ends[1].port;
	uint32_t generation = note.generation;
	int ret = 0;

	if (!had_two)
		ret = wireguard_recall_generation(plan, spec->annotation, &generation,
						  err);
	if (ret == 0)
		ret = wireguard_recall_owners(nl, plan, &wireguard->wanted.owners, err);
	if (ret < 0)
		return ret;
	wireguard->begun = true;
	wireguard->two = spec->rotate_days || had_two;
	wireguard->leaving = wireguard->two && !spec->rotate_days;
	if (!wireguard->leaving)
		wireguard->own.generation = generation;
	return 0;
}

/* -- the devices */

/* Remembers what is there, also after an error. */
static void kept_take(struct tunnel_wireguard *wireguard, int slot,
		      struct wireguard_kept *kept, uint16_t port,
		      struct tunnel_wireguard_done *done)
{
	struct tunnel_wireguard_slot *it = &wireguard->slots[slot];

	it->index = kept->index;
	if (kept->has_key)
		wireguard->own.ends[slot] =
			(struct wireguard_end){.port = port, .key = kept->public_key};
	wireguard_changes_clear(&it->late);
	it->late = kept->late;
	done->made |= kept->made;
	done->key_made |= kept->key_made;
	done->changed |= kept->changed;
	done->peers += kept->peers;
}

static int device_prepare(struct tunnel_wireguard *wireguard, int slot,
			  struct netlink *nl, const struct tunnel_plan *plan,
			  const struct tunnel_wireguard_spec *spec,
			  struct tunnel_wireguard_done *done, struct cni_error *err)
{
	struct wireguard_spec device = {
		.name = wireguard_device_names[slot],
		.port = (uint16_t)(spec->port + slot),
		.mtu = spec->mtu,
		.said = &wireguard->said,
		.peers = wireguard->wanted.peers[slot],
		.n_peers = wireguard->wanted.n_peers[slot],
	};
	struct wireguard_kept kept;
	int ret;

	for (int i = 0; i < IP_FAMILIES; i++)
		device.addresses[i] = plan->cidrs[i].addr;
	ret = wireguard_device_keep(nl, &device, &kept, err);
	kept_take(wireguard, slot, &kept, device.port, done);
	return ret;
}

static void blocking_add(struct tunnel_wireguard *wireguard, const char *name)
{
	size_t len = strlen(wireguard->blocking_names);

	if (wireguard->blocking++ && len + 2 < WIREGUARD_BLOCKING_MAX) {
		strcpy(wireguard->blocking_names + len, " ");
		len++;
	}
	if (len + strlen(name) < WIREGUARD_BLOCKING_MAX)
		strcpy(wireguard->blocking_names + len, name);
}

/* Looks which peers don't let the other slot's key go. */
static void blocking_find(struct tunnel_wireguard *wireguard,
			  const struct tunnel_plan *plan)
{
	uint32_t own = wireguard->own.generation;
	int slot = wireguard->leaving ? 1 : rotation_slot(own + 1);

	wireguard->blocking = 0;
	wireguard->blocking_names[0] = '\0';
	for (size_t i = 0; i < plan->n_peers; i++)
		if (wireguard->pairs[i].counts &&
		    rotation_blocked(own, slot, &wireguard->pairs[i].rotation))
			blocking_add(wireguard, plan->peers[i].node->name);
	if (wireguard->blocking || !wireguard->published)
		wireguard->unblocked_at = 0;
	else if (!wireguard->unblocked_at)
		wireguard->unblocked_at = now_ms();
}

static void pairs_make(struct tunnel_wireguard *wireguard, const struct tunnel_plan *plan)
{
	const struct wireguard_wanted *wanted = &wireguard->wanted;

	for (size_t i = 0; i < plan->n_peers; i++) {
		struct rotation_pair *pair = &wireguard->pairs[i].rotation;

		pair->has[0] = wanted->notes[i].ends[0].port;
		pair->has[1] = wireguard->two && wanted->notes[i].ends[1].port;
		pair->generation = wanted->notes[i].generation;
	}
	for (int slot = 0; slot < n_slots(wireguard); slot++)
		for (size_t i = 0; i < wanted->n_peers[slot]; i++) {
			const struct wireguard_peer *peer = &wanted->peers[slot][i];
			struct tunnel_wireguard_pair *pair =
				&wireguard->pairs[peer->owner];

			pair->counts = true;
			pair->rotation.seen[slot] = peer->handshake > 0;
		}
}

static int devices_prepare(struct tunnel_wireguard *wireguard, struct netlink *nl,
			   const struct tunnel_plan *plan,
			   const struct tunnel_wireguard_spec *spec,
			   struct tunnel_wireguard_done *done, struct cni_error *err)
{
	_cleanup_(free_p) struct tunnel_wireguard_pair *pairs = calloc(plan->n_peers + 1,
								       sizeof(*pairs));
	struct wireguard_wanted wanted = {};
	int ret = pairs ? wireguard_wanted_make(plan, spec->annotation, &wireguard->own,
						wireguard->two, &wireguard->wanted.owners,
						&wanted, err)
			: error_oom(err);

	/* The former pairs and refusals may name Nodes that have gone. */
	if (ret < 0) {
		wireguard->n_pairs = 0;
		wireguard->wanted.n_refused = 0;
		return ret;
	}
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		wireguard_changes_clear(&wireguard->slots[slot].late);
	wireguard_wanted_clear(&wireguard->wanted);
	wireguard->wanted = wanted;
	free(wireguard->pairs);
	wireguard->pairs = TAKE_PTR(pairs);
	wireguard->n_pairs = plan->n_peers;
	for (int slot = 0; slot < n_slots(wireguard); slot++) {
		int one = device_prepare(wireguard, slot, nl, plan, spec, &done[slot],
					 ret < 0 ? NULL : err);

		ret = ret < 0 ? ret : one;
	}
	pairs_make(wireguard, plan);
	return ret;
}

int tunnel_wireguard_prepare(struct tunnel_wireguard *wireguard, struct netlink *nl,
			     const struct tunnel_plan *plan,
			     const struct tunnel_wireguard_spec *spec,
			     struct tunnel_wireguard_done *done, struct cni_error *err)
{
	const char *text = node_annotation(plan->own, spec->annotation);
	char before[WIREGUARD_NOTE_MAX], after[WIREGUARD_NOTE_MAX];
	int ret = wireguard->begun ? 0 : begin(wireguard, nl, plan, spec, err);

	if (ret < 0)
		return ret;
	wireguard->said = (struct wireguard_note){};
	if (text)
		(void)wireguard_note_parse(text, &wireguard->said);
	wireguard_note_format(&wireguard->own, before);
	ret = devices_prepare(wireguard, nl, plan, spec, done, err);
	/* Whether another Node says this node's own key is known when the key is. */
	wireguard_note_format(&wireguard->own, after);
	if (ret == 0 && strcmp(before, after) != 0)
		ret = devices_prepare(wireguard, nl, plan, spec, done, err);
	wireguard->published = text && strcmp(text, after) == 0;
	if (wireguard->two && wireguard->n_pairs)
		blocking_find(wireguard, plan);
	return ret;
}

void tunnel_wireguard_lead(const struct tunnel_wireguard *wireguard,
			   struct tunnel_plan *plan)
{
	for (size_t i = 0; i < plan->n_peers && i < wireguard->n_pairs; i++) {
		struct tunnel_peer *peer = &plan->peers[i];
		int slot;

		if (peer->problem != ROUTE_FINE)
			continue;
		peer->problem = wireguard->wanted.problems[i];
		if (peer->problem != ROUTE_FINE)
			continue;
		slot = rotation_choose(wireguard->own.generation,
				       &wireguard->pairs[i].rotation);
		if (!wireguard->slots[slot].index)
			slot = !slot;
		peer->device = wireguard->slots[slot].index;
	}
}

int tunnel_wireguard_settle(struct tunnel_wireguard *wireguard, struct netlink *nl,
			    struct cni_error *err)
{
	int ret = 0;

	for (int slot = 0; ret == 0 && slot < n_slots(wireguard); slot++) {
		struct tunnel_wireguard_slot *it = &wireguard->slots[slot];
		const struct link_known link = {it->index, wireguard_device_names[slot]};

		if (it->index)
			ret = wireguard_device_trim(&link, &it->late, err);
		if (ret == 0)
			wireguard_changes_clear(&it->late);
	}
	if (ret == 0 && wireguard->begun && !wireguard->two && !wireguard->swept) {
		ret = wireguard_device_remove(nl, wireguard_device_names[1], err);
		wireguard->swept = ret >= 0;
	}
	return ret < 0 ? ret : 0;
}

/* -- looking at them */

static int slot_look(struct tunnel_wireguard *wireguard, int slot,
		     struct wireguard_genl *genl, struct tunnel_wireguard_look *look,
		     struct cni_error *err)
{
	_cleanup_(wireguard_changes_clear) struct wireguard_changes changes = {};
	_cleanup_(wireguard_device_wipe) struct wireguard_device device = {};
	const struct link_known link = {wireguard->slots[slot].index,
					wireguard_device_names[slot]};
	const struct wireguard_end *own = &wireguard->own.ends[slot];
	struct wireguard_peer *peers = wireguard->wanted.peers[slot];
	size_t n = wireguard->wanted.n_peers[slot];
	int64_t now = time(NULL);
	int ret = wireguard_peers_compare(genl, &link, peers, n, &changes, &device, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n; i++)
		if (peers[i].handshake > 0 && now - peers[i].handshake < SESSION_SECONDS)
			wireguard->pairs[peers[i].owner].recent = true;
	if (!wireguard_note_has(&wireguard->said, &own->key))
		wireguard_changes_hold(&changes);
	look->right = look->right && !changes.n && device.port == own->port &&
		      !device.mark &&
		      memcmp(&device.public_key, &own->key, sizeof(own->key)) == 0;
	return 0;
}

int tunnel_wireguard_look(struct tunnel_wireguard *wireguard,
			  struct tunnel_wireguard_look *ret_look, struct cni_error *err)
{
	_cleanup_(wireguard_genl_closep) struct wireguard_genl *genl = NULL;
	struct tunnel_wireguard_look look = {
		.right = true,
		.peers = wireguard->wanted.n_peers[0],
	};
	int ret = wireguard_genl_open(&genl, err);

	for (size_t i = 0; i < wireguard->n_pairs; i++)
		wireguard->pairs[i].recent = false;
	for (int slot = 0; ret == 0 && slot < n_slots(wireguard); slot++)
		if (wireguard->slots[slot].index)
			ret = slot_look(wireguard, slot, genl, &look, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < wireguard->n_pairs; i++)
		look.answering += wireguard->pairs[i].recent;
	*ret_look = look;
	return 0;
}

/* -- rotation */

/* The second slot isn't used: what this node says is without it from now on. */
static int leave(struct tunnel_wireguard *wireguard)
{
	if (!wireguard->unblocked_at || now_ms() - wireguard->unblocked_at < LEAVE_MS)
		return 0;
	wireguard->two = wireguard->leaving = false;
	wireguard->own.ends[1] = (struct wireguard_end){};
	wireguard_changes_clear(&wireguard->slots[1].late);
	wireguard->slots[1].index = 0;
	return TUNNEL_WIREGUARD_ROTATED;
}

int tunnel_wireguard_rotate(struct tunnel_wireguard *wireguard, uint32_t days,
			    const char *node, struct cni_error *err)
{
	struct rotation_state state = {
		.days = days,
		.generation = wireguard->own.generation,
		.blocked = wireguard->blocking > 0,
		.unblocked_ms =
			wireguard->unblocked_at ? now_ms() - wireguard->unblocked_at : 0,
	};
	enum rotation_step step;
	int ret = 0, other = rotation_slot(state.generation + 1);

	if (!wireguard->two || !wireguard->own.ends[0].port ||
	    !wireguard->own.ends[1].port)
		return 0;
	if (wireguard->leaving)
		return leave(wireguard);
	state.period = rotation_period(days, node);
	for (int slot = 0; ret == 0 && slot < WIREGUARD_SLOTS; slot++)
		ret = wireguard_key_age(wireguard_device_names[slot], &state.age[slot],
					err);
	if (ret < 0)
		return ret;
	step = rotation_next(&state);
	wireguard->waits = step == ROTATION_WAITS;
	if (step != ROTATION_NEXT && step != ROTATION_NEW_KEY)
		return 0;
	if (step == ROTATION_NEW_KEY) {
		ret = wireguard_key_remove(wireguard_device_names[other], err);
		if (ret < 0)
			return ret;
	}
	wireguard->own.generation = rotation_after(wireguard->own.generation);
	wireguard->unblocked_at = 0;
	return TUNNEL_WIREGUARD_ROTATED;
}

int tunnel_wireguard_remove(struct netlink *nl, struct cni_error *err)
{
	int removed = 0;

	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++) {
		int ret = wireguard_device_remove(nl, wireguard_device_names[slot], err);

		if (ret < 0)
			return ret;
		removed = ret ? ret : removed;
	}
	return removed;
}
