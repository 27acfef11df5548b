/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts the pods whose gateway an address of the bridge is. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_USERS_H
#define BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_USERS_H

#include "plugin/attachment/attachment.h"

struct gateway_users {
	/* connected pods of the network itself, and of other networks */
	size_t own, others;
};

/* Counts by the records of all networks with the same dataDir. Codes 5, 11. */
int gateway_users_count(struct attachment *att, const struct ip_prefix *address,
			struct gateway_users *ret_users, struct cni_error *err);

#endif
