/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notes become peers: each key once, each peer with its own ranges. */
#include "tunnel_wireguard.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "wireguard_genl.h"

/* A session ends, and another handshake is due, so many seconds after the last one. */
#define SESSION_SECONDS 180

void tunnel_wireguard_clear(struct tunnel_wireguard *wireguard)
{
	wireguard_changes_clear(&wireguard->late);
	free(wireguard->problems);
	free(wireguard->peers);
	free(wireguard->allowed);
	*wireguard = (struct tunnel_wireguard){};
}

/* -- which peers there are to be */

/* What a Node says. */
struct said {
	struct wireguard_note note;
	uint32_t peer; /* index into the plan's peers */
};

/* What the device is to have; zero-initialise it. */
struct wanted {
	struct wireguard_peer *peers;
	size_t n;
	struct ip_prefix *allowed; /* of all peers, one behind the other */
	size_t *places; /* by the plan's peers: where its prefixes end in @allowed */
	struct said *said; /* sorted by key */
	size_t n_said;
	enum route_problem *problems; /* by the plan's peers */
};

static void wanted_clear(struct wanted *wanted)
{
	free(wanted->peers);
	free(wanted->allowed);
	free(wanted->places);
	free(wanted->said);
	free(wanted->problems);
}

static int by_key(const void *a, const void *b)
{
	const struct said *one = a, *other = b;

	return memcmp(&one->note.key, &other->note.key, sizeof(one->note.key));
}

/* Reads what all Nodes say, also those that are no peers: a key that they have too is
 * nobody's. */
static void said_read(const struct tunnel_plan *plan, size_t annotation,
		      struct wanted *wanted)
{
	for (size_t i = 0; i < plan->n_peers; i++) {
		const struct cluster_node *node = plan->peers[i].node;
		const char *text = node_annotation(node, annotation);
		struct said *said = &wanted->said[wanted->n_said];

		if (node == plan->own)
			continue;
		if (text && wireguard_note_parse(text, &said->note) == 0) {
			said->peer = (uint32_t)i;
			wanted->n_said++;
		} else {
			wanted->problems[i] = text ? ROUTE_BAD_KEY : ROUTE_NO_KEY;
		}
	}
	qsort(wanted->said, wanted->n_said, sizeof(*wanted->said), by_key);
}

static void shared_drop(struct wanted *wanted, const struct wireguard_note *own)
{
	for (size_t i = 0; i < wanted->n_said; i++) {
		const struct said *said = &wanted->said[i];

		if ((i && by_key(said, said - 1) == 0) ||
		    (i + 1 < wanted->n_said && by_key(said, said + 1) == 0) ||
		    (own->port &&
		     memcmp(&said->note.key, &own->key, sizeof(own->key)) == 0))
			wanted->problems[said->peer] = ROUTE_SHARED_KEY;
	}
}

/* Sorts the ranges by peer, in the order of the plan's peers. */
static void ranges_sort(const struct tunnel_plan *plan, struct wanted *wanted)
{
	size_t at = 0;

	for (size_t i = 0; i < plan->n_ranges; i++)
		wanted->places[plan->ranges[i].peer]++;
	for (size_t i = 0; i < plan->n_peers; i++) {
		size_t n = wanted->places[i];

		wanted->places[i] = at;
		at += n;
	}
	for (size_t i = 0; i < plan->n_ranges; i++)
		wanted->allowed[wanted->places[plan->ranges[i].peer]++] =
			plan->ranges[i].cidr;
}

static void peers_make(const struct tunnel_plan *plan, struct wanted *wanted)
{
	for (size_t i = 0; i < wanted->n_said; i++) {
		const struct said *said = &wanted->said[i];
		const struct tunnel_peer *peer = &plan->peers[said->peer];
		size_t from = said->peer ? wanted->places[said->peer - 1] : 0;

		if (peer->problem != ROUTE_FINE ||
		    wanted->problems[said->peer] != ROUTE_FINE)
			continue;
		wanted->peers[wanted->n++] = (struct wireguard_peer){
			.key = said->note.key,
			.endpoint = peer->addresses[peer->underlay],
			.other = peer->addresses[!peer->underlay],
			.port = said->note.port,
			.allowed = wanted->allowed + from,
			.n_allowed = wanted->places[said->peer] - from,
		};
	}
}

static int wanted_make(const struct tunnel_plan *plan, size_t annotation,
		       const struct wireguard_note *own, struct wanted *ret_wanted,
		       struct cni_error *err)
{
	_cleanup_(wanted_clear) struct wanted wanted = {
		.peers = calloc(plan->n_peers + 1, sizeof(*wanted.peers)),
		.allowed = calloc(plan->n_ranges + 1, sizeof(*wanted.allowed)),
		.places = calloc(plan->n_peers + 1, sizeof(*wanted.places)),
		.said = calloc(plan->n_peers + 1, sizeof(*wanted.said)),
		.problems = calloc(plan->n_peers + 1, sizeof(*wanted.problems)),
	};

	if (!wanted.peers || !wanted.allowed || !wanted.places || !wanted.said ||
	    !wanted.problems)
		return error_oom(err);
	said_read(plan, annotation, &wanted);
	shared_drop(&wanted, own);
	ranges_sort(plan, &wanted);
	peers_make(plan, &wanted);
	*ret_wanted = wanted;
	wanted = (struct wanted){};
	return 0;
}

/* -- the device */

/* Remembers what is there, also after an error. */
static void kept_take(struct tunnel_wireguard *wireguard, struct wireguard_kept *kept,
		      uint16_t port, struct tunnel_wireguard_done *done)
{
	wireguard->index = kept->index;
	if (kept->has_key)
		wireguard->own = (struct wireguard_note){.port = port,
							 .key = kept->public_key};
	wireguard_changes_clear(&wireguard->late);
	wireguard->late = kept->late;
	done->made |= kept->made;
	done->key_made |= kept->key_made;
	done->changed |= kept->changed;
	done->peers += kept->peers;
}

static int device_prepare(struct tunnel_wireguard *wireguard, struct netlink *nl,
			  const struct tunnel_plan *plan,
			  const struct tunnel_wireguard_spec *spec,
			  struct tunnel_wireguard_done *done, struct cni_error *err)
{
	_cleanup_(wanted_clear) struct wanted wanted = {};
	struct wireguard_spec device = {
		.name = WIREGUARD_DEVICE,
		.port = spec->port,
		.mtu = spec->mtu,
	};
	struct wireguard_kept kept;
	int ret = wanted_make(plan, spec->annotation, &wireguard->own, &wanted, err);

	wireguard->n_problems = 0;
	if (ret < 0)
		return ret;
	for (int i = 0; i < IP_FAMILIES; i++)
		device.addresses[i] = plan->cidrs[i].addr;
	device.peers = wanted.peers;
	device.n_peers = wanted.n;
	ret = wireguard_device_keep(nl, &device, &kept, err);
	kept_take(wireguard, &kept, spec->port, done);
	free(wireguard->peers);
	free(wireguard->allowed);
	wireguard->peers = TAKE_PTR(wanted.peers);
	wireguard->n_peers = wanted.n;
	wireguard->allowed = TAKE_PTR(wanted.allowed);
	free(wireguard->problems);
	wireguard->problems = TAKE_PTR(wanted.problems);
	wireguard->n_problems = plan->n_peers;
	return ret;
}

int tunnel_wireguard_prepare(struct tunnel_wireguard *wireguard, struct netlink *nl,
			     const struct tunnel_plan *plan,
			     const struct tunnel_wireguard_spec *spec,
			     struct tunnel_wireguard_done *done, struct cni_error *err)
{
	const struct wireguard_note before = wireguard->own;
	int ret = device_prepare(wireguard, nl, plan, spec, done, err);

	/* Whether another Node says this node's own key is known when the key is. */
	if (ret == 0 && memcmp(&before.key, &wireguard->own.key, sizeof(before.key)) != 0)
		ret = device_prepare(wireguard, nl, plan, spec, done, err);
	return ret;
}

void tunnel_wireguard_lead(const struct tunnel_wireguard *wireguard,
			   struct tunnel_plan *plan)
{
	for (size_t i = 0; i < plan->n_peers && i < wireguard->n_problems; i++) {
		struct tunnel_peer *peer = &plan->peers[i];

		if (peer->problem != ROUTE_FINE)
			continue;
		peer->problem = wireguard->problems[i];
		if (peer->problem == ROUTE_FINE)
			peer->device = wireguard->index;
	}
}

int tunnel_wireguard_settle(struct tunnel_wireguard *wireguard, struct cni_error *err)
{
	const struct link_known link = {wireguard->index, WIREGUARD_DEVICE};
	int ret = 0;

	if (wireguard->index)
		ret = wireguard_device_trim(&link, &wireguard->late, err);
	if (ret == 0)
		wireguard_changes_clear(&wireguard->late);
	return ret;
}

/* -- looking at it */

int tunnel_wireguard_look(struct tunnel_wireguard *wireguard,
			  struct tunnel_wireguard_look *ret_look, struct cni_error *err)
{
	_cleanup_(wireguard_genl_closep) struct wireguard_genl *genl = NULL;
	_cleanup_(wireguard_changes_clear) struct wireguard_changes changes = {};
	_cleanup_(wireguard_device_wipe) struct wireguard_device device = {};
	const struct link_known link = {wireguard->index, WIREGUARD_DEVICE};
	struct tunnel_wireguard_look look = {.peers = wireguard->n_peers};
	int64_t now = time(NULL);
	int ret = wireguard_genl_open(&genl, err);

	if (ret == 0)
		ret = wireguard_peers_compare(genl, &link, wireguard->peers,
					      wireguard->n_peers, &changes, &device, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < wireguard->n_peers; i++)
		look.answering += wireguard->peers[i].handshake > 0 &&
				  now - wireguard->peers[i].handshake < SESSION_SECONDS;
	look.right = !changes.n && device.port == wireguard->own.port && !device.mark &&
		     memcmp(&device.public_key, &wireguard->own.key,
			    sizeof(device.public_key)) == 0;
	*ret_look = look;
	return 0;
}

int tunnel_wireguard_remove(struct netlink *nl, struct cni_error *err)
{
	return wireguard_device_remove(nl, WIREGUARD_DEVICE, err);
}
