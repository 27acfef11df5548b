/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stages that an attachment goes through. A feature is a file with a struct stage in
 * it and a line in stages.c's table.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_STAGES_H
#define BRIDGE_CNI_PLUGIN_STAGE_STAGES_H

#include "plugin/attachment/attachment.h"
#include "plugin/node/node.h"

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

	/*
	 * `bridge-cni repair`: puts back what somebody else removed, where it is missing, and
	 * says so by report_done(). Under the exclusive node lock; never in the pod. First
	 * what the network's attachments share, once: @net has no container, no interface and
	 * no addresses; who is connected is told by ipam_record_each().
	 */
	int (*repair_shared)(struct attachment *net, struct cni_error *err);
	/* Then what belongs to one connected attachment, or follows from it: @att has its
	 * record, addresses with gateways, MAC address and the names of both ends. */
	int (*repair)(struct attachment *att, struct cni_error *err);
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
extern const struct stage stage_routes;
extern const struct stage stage_ready;
extern const struct stage stage_announce;
extern const struct stage stage_masquerade;
extern const struct stage stage_portmap;
extern const struct stage stage_elements;
extern const struct stage stage_bandwidth;

/* Down the table; where one fails, those before it are undone in reverse. */
int stages_add(struct attachment *att, struct cni_error *err);

int stages_check(struct attachment *att, struct cni_error *err);

/* Up the table and on past errors; the first one is reported, and keeps record and
 * addresses for the next DEL. */
int stages_del(struct attachment *att, struct cni_error *err);

/*
 * What is shared, down the table and past errors; then down the table again, in each stage
 * all of the @n connected attachments, so that a later one finds all ports in place. An
 * attachment whose repair fails is left at that. All errors go to the report.
 */
void stages_repair(struct attachment *net, struct attachment *const *connected, size_t n);

#endif
