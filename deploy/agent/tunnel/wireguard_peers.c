/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wanted peers, sorted by key, are looked up one by one as the kernel names its
 * own. */
#include "wireguard_peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "deploy/agent/base/byte_sort.h"

/* Seconds; a handshake without an answer is tried again as often by the kernel itself. */
#define GREET_SECONDS 5

struct comparison {
	struct wireguard_peer *wanted;
	size_t n;
	struct wireguard_changes changes;
};

void wireguard_changes_clear(struct wireguard_changes *changes)
{
	free(changes->items);
	*changes = (struct wireguard_changes){};
}

void wireguard_changes_hold(struct wireguard_changes *changes)
{
	size_t kept = 0;

	for (size_t i = 0; i < changes->n; i++)
		if (changes->items[i].handshake != WIREGUARD_PEER_ABSENT)
			changes->items[kept++] = changes->items[i];
	changes->n = kept;
}

static int by_key(const void *a, const void *b)
{
	const struct wireguard_peer *one = a, *other = b;

	return memcmp(&one->key, &other->key, sizeof(one->key));
}

/* The prefixes of a peer are few, and stand in any order. */
static bool allows(const struct wireguard_peer *peer, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < peer->n_allowed; i++)
		if (prefix_equal(&peer->allowed[i], prefix))
			return true;
	return false;
}

static bool allows_all(const struct wireguard_peer *peer, const struct wireguard_peer *of)
{
	for (size_t i = 0; i < of->n_allowed; i++)
		if (!allows(peer, &of->allowed[i]))
			return false;
	return true;
}

static bool is_found(const struct wireguard_peer *has,
		     const struct wireguard_peer *wanted)
{
	return has->port == wanted->port &&
	       (ip_equal(&has->endpoint, &wanted->endpoint) ||
		(wanted->other.family && ip_equal(&has->endpoint, &wanted->other)));
}

static int change(struct comparison *comparison, const struct wireguard_peer *peer)
{
	struct wireguard_peer *item = LIST_ADD(&comparison->changes);

	if (!item)
		return -ENOMEM;
	*item = *peer;
	return 0;
}

static int compare(const struct wireguard_peer *has, void *data)
{
	struct comparison *comparison = data;
	struct wireguard_peer *wanted = NULL, changed;

	if (!has) {
		comparison->changes.n = 0;
		for (size_t i = 0; i < comparison->n; i++)
			comparison->wanted[i].handshake = WIREGUARD_PEER_ABSENT;
		return 0;
	}
	if (comparison->n > 0) /* bsearch() takes no NULL */
		wanted = bsearch(has, comparison->wanted, comparison->n, sizeof(*wanted),
				 by_key);
	if (!wanted)
		return change(comparison,
			      &(struct wireguard_peer){.key = has->key, .remove = true});
	wanted->handshake = has->handshake;
	changed = *wanted;
	changed.keepalive = wanted->greet && !has->handshake ? GREET_SECONDS : 0;
	/* Prefixes that are right are left where they are. */
	changed.replace = !allows_all(wanted, has);
	if (allows_all(has, wanted) && !changed.replace)
		changed.n_allowed = 0;
	if (is_found(has, wanted))
		changed.endpoint.family = 0;
	return changed.n_allowed || changed.replace || changed.endpoint.family ||
			       changed.keepalive != has->keepalive
		       ? change(comparison, &changed)
		       : 0;
}

int wireguard_peers_compare(struct wireguard_genl *genl, const struct link_known *link,
			    struct wireguard_peer *wanted, size_t n,
			    struct wireguard_changes *ret_changes,
			    struct wireguard_device *ret_device, struct cni_error *err)
{
	_cleanup_(wireguard_device_wipe) struct wireguard_device device = {};
	struct comparison comparison = {.wanted = wanted, .n = n};
	int ret;

	BYTE_SORT(wanted, n, struct wireguard_peer, key);
	ret = wireguard_read(genl, link, compare, &comparison, &device, err);
	for (size_t i = 0; ret == 0 && i < n; i++) {
		if (wanted[i].handshake != WIREGUARD_PEER_ABSENT)
			continue;
		wanted[i].keepalive = wanted[i].greet ? GREET_SECONDS : 0;
		if (change(&comparison, &wanted[i]) < 0)
			ret = error_oom(err);
	}
	if (ret < 0) {
		wireguard_changes_clear(&comparison.changes);
		return ret;
	}
	*ret_changes = comparison.changes;
	*ret_device = device;
	return 0;
}
