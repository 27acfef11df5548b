/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names by which the pods' network is found on the node. They are those of its
 * configuration list; where there is none yet, those that the list is going to have.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_NETWORK_NAMES_H
#define BRIDGE_CNI_AGENT_NODE_NETWORK_NAMES_H

#include "conf/base/error.h"

/* All strings are owned, and never NULL once network_names_set() has succeeded. */
struct network_names {
	char *name; /* the list's */
	char *bridge;
	char *data_dir; /* of the address store */
};

/* Takes copies of the three strings. After an error @names is as it was. Code 100. */
int network_names_set(struct network_names *names, const char *name, const char *bridge,
		      const char *data_dir, struct cni_error *err);
void network_names_clear(struct network_names *names);

#endif
