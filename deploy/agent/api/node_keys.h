/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a list of Nodes, and of a watch, that the JSON filter lets through: those
 * that node_object.h reads. */
#ifndef BRIDGE_CNI_AGENT_API_NODE_KEYS_H
#define BRIDGE_CNI_AGENT_API_NODE_KEYS_H

#include "annotations.h"
#include "json_filter.h"

/* @list and @watch are for json_filter_init(). They point into the structure, which
 * stays where it is. */
struct node_keys {
	struct filter_key list[3], watch[3];
	struct filter_key object[6], metadata[5];
	struct filter_key annotations[ANNOTATION_NAMES_MAX + 1];
};

/* With the annotations of these names, which must outlive it. */
void node_keys_init(struct node_keys *keys, const struct annotation_names *names);

#endif
