/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an interface has received and sent, over rtnetlink. See linux/if_link.h. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_LINK_COUNTERS_H
#define BRIDGE_CNI_PLUGIN_NETLINK_LINK_COUNTERS_H

#include "netlink.h"

struct link_traffic {
	uint64_t packets, bytes, errors, dropped;
};

struct link_counters {
	struct link_traffic received, sent;
};

/* Zeros where there is no such interface. Code 101. */
int link_counters_get(struct netlink *nl, unsigned int index,
		      struct link_counters *ret_counters, struct cni_error *err);

#endif
