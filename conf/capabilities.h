/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the key "capabilities", by which a configuration tells the runtime what to pass in
 * runtimeConfig. */
#ifndef BRIDGE_CNI_CONF_CAPABILITIES_H
#define BRIDGE_CNI_CONF_CAPABILITIES_H

#include <stdbool.h>

#include "conf/base/error.h"

struct json_doc;
struct json_type;

/* A plugin's "capabilities", as far as this program serves them. */
struct capabilities {
	bool port_mappings, bandwidth, mac, ips, ip_ranges;
	bool port_mappings_set; /* the key is there, whatever it says */
};

/* The type of the document's top-level object, with these keys alone: for json_read(),
 * and for the search for unknown keys (advice.c). */
extern const struct json_type capabilities_root;

/* Code 7. */
int capabilities_read(const struct json_doc *doc, struct capabilities *ret_capabilities,
		      struct cni_error *err);

#endif
