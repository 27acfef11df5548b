/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells which host ports need route_localnet. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LOCALNET_USERS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LOCALNET_USERS_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/* Can one of these mappings be meant for 127.0.0.1? */
bool localnet_serves(const struct port_mapping_list *ports);

/*
 * Does a host port of another attachment than @att, of whichever network, need
 * route_localnet on @gateway? Elements of the kernel's maps tell, which is quick where
 * there is one. Otherwise the records tell, under the exclusive lock, as somebody may
 * have flushed the maps. Codes 5, 11, 101.
 */
int localnet_is_needed(struct attachment *att, const struct link *gateway,
		       bool *ret_needed, struct cni_error *err);

#endif
