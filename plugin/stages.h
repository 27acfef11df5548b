/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stages that an attachment goes through. A feature is a file with a struct stage in
 * it and a line in stages.c's table.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGES_H
#define BRIDGE_CNI_PLUGIN_STAGES_H

#include "../conf/attachment.h"
#include "node.h"

/*
 * What a stage makes for the attachment, its del takes away; what it makes for all
 * (bridge, rules, forwarding) stays. A verb that a stage has no part in is NULL.
 */
struct stage {
	const char *name;
	/* All of it or nothing: on failure the stage has undone its own part. */
	int (*add)(struct attachment *att, struct cni_error *err);
	/* Is it still so? Code 104 says what differs, expected and found. */
	int (*check)(struct attachment *att, struct cni_error *err);
	/* By identity alone; what isn't there is deleted already. */
	int (*del)(struct attachment *att, struct cni_error *err);
};

extern const struct stage stage_ipam;
extern const struct stage stage_reference;
extern const struct stage stage_bridge;
extern const struct stage stage_veth;
extern const struct stage stage_spoofcheck;
extern const struct stage stage_vlan;
extern const struct stage stage_ipam_exec;
extern const struct stage stage_addresses;
extern const struct stage stage_gateway;
extern const struct stage stage_announce;
extern const struct stage stage_masquerade;

/* Down the table; where one fails, those before it are undone in reverse. */
int stages_add(struct attachment *att, struct cni_error *err);

int stages_check(struct attachment *att, struct cni_error *err);

/* Up the table and on past errors; the first one is reported. */
int stages_del(struct attachment *att, struct cni_error *err);

#endif
