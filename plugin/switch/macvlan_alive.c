/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells whether a pod's macvlan is there. A macvlan has no other end on the node. While it
 * is up, its master takes frames for its MAC address, which the node sees; not so in mode
 * passthru, where the master's address is the pod's, nor where the master is in the pod as
 * well. An ipvlan has the master's address, too. What can't be seen counts as there.
 */
#include "macvlan_alive.h"

#include "conf/identity.h"
#include "plugin/node/pod_signs.h"

static bool is_seen(struct node *node, const struct record *record)
{
	return record->unseen || pod_signs_mac(node, &record->mac);
}

/* A pod may have set its macvlan down, or have given it another address. The macvlan is
 * there as long as its namespace is, whoever holds that. The namespace of a pod that an
 * earlier version attached may have no number on the node: then a process in it tells. */
static bool is_hidden(struct node *node, const struct record *record)
{
	char alias[LINK_ALIAS_MAX];

	identity_alias(record->network, record->container_id, record->ifname, alias);
	return pod_signs_alias(node, alias) || pod_signs_process(node, record->cookie);
}

const struct switch_liveness macvlan_liveness = {
	.has_interface = is_seen,
	.has_renamed = is_hidden,
};
