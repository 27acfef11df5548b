/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which host ports need route_localnet? */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LOCALNET_USERS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LOCALNET_USERS_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/* Can 127.0.0.1 be meant by at least one of these mappings? */
bool localnet_serves(const struct port_mapping_list *ports);

/*
 * Does a host port of another attachment than @att, of whichever network, need it on
 * @gateway? Elements of the kernel's maps tell, which is quick where there is one; then, under
 * the exclusive lock, the records: somebody may have flushed the maps. Codes 5, 101.
 */
int localnet_is_needed(struct attachment *att, const struct link *gateway,
		       bool *ret_needed, struct cni_error *err);

#endif
