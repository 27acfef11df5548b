/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route_localnet of a bridge, without which nothing goes from 127.0.0.1 to a pod. */
#ifndef BRIDGE_CNI_PLUGIN_LOCALNET_H
#define BRIDGE_CNI_PLUGIN_LOCALNET_H

#include "../conf/attachment.h"

/* Sets it where it isn't, and writes that down first. A kernel without IPv4 has none. Codes
 * 5, 11. */
int localnet_ensure(struct attachment *att, const char *ifname, struct cni_error *err);

/* Takes it back where the network has set it. @ret_removed: it had, and it still was. */
int localnet_remove(struct attachment *net, const char *ifname, bool *ret_removed,
		    struct cni_error *err);

#endif
