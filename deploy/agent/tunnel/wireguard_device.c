/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device is compared with what is wanted each time, and only differences are sent to
 * the kernel: nothing that crosses a right device is disturbed. */
#include "wireguard_device.h"

#include <errno.h>
#include <string.h>

#include "tunnel_device.h"
#include "wireguard_genl.h"

static int link_make(struct netlink *nl, const struct wireguard_spec *spec,
		     struct link *ret_link, struct cni_error *err)
{
	int ret;

	queue_wireguard_add(nl, spec->name, spec->mtu);
	ret = netlink_commit(nl, err);
	if (ret == 0)
		ret = link_get(nl, spec->name, ret_link, err);
	if (ret == 0 && !link_is(ret_link, "wireguard"))
		ret = error_set(err, CNI_ERR_KERNEL, ENODEV,
				"%s has gone while it was being made", spec->name);
	return ret;
}

/* Finds the device, or makes it, which is down then. */
static int link_keep(struct netlink *nl, const struct wireguard_spec *spec,
		     struct wireguard_kept *kept, struct link *ret_link,
		     struct cni_error *err)
{
	int ret = link_get(nl, spec->name, ret_link, err);

	if (ret < 0)
		return ret;
	if (ret_link->index && !link_is(ret_link, "wireguard"))
		return tunnel_device_refuse(spec->name, "WireGuard", err);
	if (!ret_link->index) {
		ret = link_make(nl, spec, ret_link, err);
		kept->made = ret == 0;
	}
	return ret;
}

/* -- key, port and peers */

static int no_peer(const struct wireguard_peer *peer, void *data)
{
	(void)peer;
	(void)data;
	return 0;
}

/* Sets key and port. A device that is up keeps its old port when it can't have the new
 * one, and tells of the new one all the same: so it is set down for that. */
static int identity_set(struct netlink *nl, struct wireguard_genl *genl,
			const struct wireguard_spec *spec, struct link *link,
			const struct wireguard_key *key, bool renew,
			struct wireguard_device *device, struct cni_error *err)
{
	const struct link_known known = {link->index, spec->name};
	int ret = 0;

	if (link->up && device->port != spec->port) {
		queue_link_down(nl, link->index, spec->name);
		ret = netlink_commit(nl, err);
		link->up = false;
	}
	if (ret == 0)
		ret = wireguard_set(genl, &known, key, renew, spec->port, err);
	if (ret == 0)
		ret = wireguard_read(genl, &known, no_peer, NULL, device, err);
	return ret;
}

static int identity_keep(struct netlink *nl, struct wireguard_genl *genl,
			 const struct wireguard_spec *spec, struct link *link,
			 struct wireguard_kept *kept, struct wireguard_device *device,
			 struct cni_error *err)
{
	_cleanup_(wireguard_key_wipe) struct wireguard_key key = {};
	int ret = wireguard_key_load(spec->name, &key, err);

	if (ret < 0)
		return ret;
	kept->key_made = ret == WIREGUARD_KEY_MADE;
	ret = 0;
	kept->renewed = memcmp(&device->private_key, &key, sizeof(key)) != 0;
	if (kept->renewed || device->port != spec->port || device->mark) {
		ret = identity_set(nl, genl, spec, link, &key, kept->renewed, device,
				   err);
		kept->changed = true;
	}
	if (ret == 0) {
		kept->public_key = device->public_key;
		kept->has_key = true;
	}
	return ret;
}

/* Adds and changes peers at once, and leaves those that are to go to @late. */
static int peers_keep(struct wireguard_genl *genl, const struct link_known *link,
		      struct wireguard_changes *changes, struct wireguard_kept *kept,
		      struct cni_error *err)
{
	struct wireguard_peer *items = changes->items;
	size_t removed = 0;
	int ret;

	for (size_t i = 0; i < changes->n; i++) {
		struct wireguard_peer peer = items[i];

		if (!peer.remove)
			continue;
		items[i] = items[removed];
		items[removed++] = peer;
	}
	ret = wireguard_set_peers(genl, link, items + removed, changes->n - removed, err);
	kept->peers += changes->n;
	changes->n = removed;
	kept->late = *changes;
	*changes = (struct wireguard_changes){};
	return ret;
}

static int configuration_keep(struct netlink *nl, const struct wireguard_spec *spec,
			      struct link *link, struct wireguard_kept *kept,
			      struct cni_error *err)
{
	_cleanup_(wireguard_genl_closep) struct wireguard_genl *genl = NULL;
	_cleanup_(wireguard_changes_clear) struct wireguard_changes changes = {};
	_cleanup_(wireguard_device_wipe) struct wireguard_device device = {};
	const struct link_known known = {link->index, spec->name};
	int ret = wireguard_genl_open(&genl, err);

	if (ret == 0)
		ret = wireguard_peers_compare(genl, &known, spec->peers, spec->n_peers,
					      &changes, &device, err);
	if (ret == 0)
		ret = identity_keep(nl, genl, spec, link, kept, &device, err);
	if (ret == 0 && kept->renewed) {
		wireguard_changes_clear(&changes);
		wireguard_device_wipe(&device);
		ret = wireguard_peers_compare(genl, &known, spec->peers, spec->n_peers,
					      &changes, &device, err);
	}
	if (!wireguard_note_has(spec->said, &device.public_key))
		wireguard_changes_hold(&changes);
	if (ret == 0)
		ret = peers_keep(genl, &known, &changes, kept, err);
	return ret;
}

/* -- the link */

static int port_taken(const struct wireguard_spec *spec, struct cni_error *err)
{
	return error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
			 "UDP port %u, which %s needs, is taken (ss -lunp shows by which "
			 "process; a WireGuard device has none): end that, or set "
			 "--wireguard-port",
			 (unsigned int)spec->port, spec->name);
}

/* Returns how much differed. */
static int mend(struct netlink *nl, const struct wireguard_spec *spec,
		const struct link *link, struct cni_error *err)
{
	const struct link_known known = {link->index, spec->name};
	int differed = 0, ret = 0;

	if (link->mtu != spec->mtu && ++differed) {
		queue_link_mtu(nl, link->index, spec->name, spec->mtu);
		ret = netlink_commit(nl, err);
	}
	if (ret == 0)
		ret = tunnel_device_start(nl, &known, link->up, spec->addresses, err);
	if (ret == TUNNEL_DEVICE_PORT_TAKEN)
		return port_taken(spec, err);
	differed += ret == TUNNEL_DEVICE_STARTED;
	if (ret >= 0)
		ret = tunnel_device_addresses(nl, spec->name, link->index,
					      spec->addresses, err);
	return ret < 0 ? ret : differed + ret;
}

int wireguard_device_keep(struct netlink *nl, const struct wireguard_spec *spec,
			  struct wireguard_kept *kept, struct cni_error *err)
{
	struct link link = {};
	int ret;

	*kept = (struct wireguard_kept){};
	ret = link_keep(nl, spec, kept, &link, err);
	if (ret == 0)
		ret = configuration_keep(nl, spec, &link, kept, err);
	if (ret == 0)
		ret = mend(nl, spec, &link, err);
	kept->changed |= ret > 0;
	/* A device that is up serves on, although something about it can't be set right. */
	if (ret >= 0 || link.up)
		kept->index = link.index;
	netlink_discard(nl);
	return ret < 0 ? ret : 0;
}

int wireguard_device_trim(const struct link_known *link,
			  const struct wireguard_changes *late, struct cni_error *err)
{
	_cleanup_(wireguard_genl_closep) struct wireguard_genl *genl = NULL;
	int ret = late->n ? wireguard_genl_open(&genl, err) : 0;

	return ret < 0 ? ret : wireguard_set_peers(genl, link, late->items, late->n, err);
}

int wireguard_device_remove(struct netlink *nl, const char *name, struct cni_error *err)
{
	int removed = tunnel_device_remove(nl, name, "wireguard", err);
	int ret = removed < 0 ? removed : wireguard_key_remove(name, err);

	return ret < 0 ? ret : removed;
}
