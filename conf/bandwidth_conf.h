/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How fast a pod may receive and send: the rates, and reading their keys. */
#ifndef BRIDGE_CNI_CONF_BANDWIDTH_CONF_H
#define BRIDGE_CNI_CONF_BANDWIDTH_CONF_H

#include <stdint.h>

#include "conf/base/error.h"

struct json_doc;
struct json_type;

/* The limit of one direction; both 0: there is no limit. */
struct rate_limit {
	uint64_t rate; /* bits per second */
	uint64_t burst; /* bits */
};

/* The directions are the pod's: ingress is what the pod receives. */
struct bandwidth {
	struct rate_limit ingress, egress;
};

/* Types of the document's top-level object, with these keys alone: the configuration's
 * own, and those in runtimeConfig. They are for json_read(), and for the search for
 * unknown keys (advice.c). */
extern const struct json_type bandwidth_root, bandwidth_runtime_root;

/* Reads the rates of the configuration or, where it has none, those of the runtime. Code
 * 7; code 2 for a key that the reference plugin bandwidth had for a time. */
int bandwidth_read(const struct json_doc *doc, struct bandwidth *ret_bandwidth,
		   struct cni_error *err);

#endif
