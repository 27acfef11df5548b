/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the host's end of an attachment's veth pair, also where somebody renamed it. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_HOST_END_H
#define BRIDGE_CNI_PLUGIN_STAGE_HOST_END_H

#include "conf/identity.h"
#include "plugin/netlink/link.h"

/* Is it the host's end of a pair that this program made? Then @ret_name is the name that
 * it had when it was made. An ifb, which has its attachment's alias as well, is none:
 * nothing gets to a pod by it. */
bool host_end_is(const struct link *link, struct alias_names *ret_names,
		 char ret_name[IF_NAMESIZE]);

/* True: there is an interface of the name, or a host's end that had it when it was made;
 * or that can't be told. @ret_names says for whom it was made; they are empty where its
 * alias doesn't say. */
bool host_end_find(struct netlink *rtnl, const char *host_ifname,
		   struct alias_names *ret_names);

#endif
