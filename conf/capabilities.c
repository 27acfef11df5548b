/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of capabilities. */
#include "capabilities.h"

#include "conf/json/json_table.h"

static const struct json_field fields[] = {
	FIELD_SET(struct capabilities, port_mappings, port_mappings_set, "portMappings",
		  &bool_type),
	FIELD(struct capabilities, bandwidth, "bandwidth", &bool_type),
	FIELD(struct capabilities, mac, "mac", &bool_type),
	FIELD(struct capabilities, ips, "ips", &bool_type),
	FIELD(struct capabilities, ip_ranges, "ipRanges", &bool_type),
};
static const struct json_type capabilities_type = OBJECT(fields);
static const struct json_field root_fields[] = {
	{.key = "capabilities", .type = &capabilities_type},
};
const struct json_type capabilities_root = OBJECT(root_fields);

int capabilities_read(const struct json_doc *doc, struct capabilities *ret_capabilities,
		      struct cni_error *err)
{
	struct capabilities capabilities = {};
	int ret = json_read(doc, &capabilities_root, &capabilities, err);

	if (ret == 0)
		*ret_capabilities = capabilities;
	return ret;
}
