/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names the tables, and has those keys that this program knows without reading them. */
#include "key_tables.h"

#include "bandwidth_conf.h"
#include "capabilities.h"
#include "cni_result.h"
#include "conf/json/json_table.h"
#include "host_local_conf.h"
#include "log_conf.h"
#include "macvlan_conf.h"
#include "network.h"
#include "ovs_keys.h"
#include "port_mappings.h"
#include "requested_mac.h"

/* Keys of the specification that others read, whatever is in them. */
static const struct json_field others_fields[] = {
	{.key = "cniVersion", .type = &text_type},
	{.key = "cniVersions", .type = &text_type},
	{.key = "name", .type = &text_type},
	{.key = "prevResult", .type = &text_type},
	{.key = "disableCheck", .type = &text_type},
	{.key = "disableGC", .type = &text_type},
	{.key = "loadOnlyInlinedPlugins", .type = &text_type},
	{.key = "cni.dev/attachments", .type = &text_type},
	{.key = "cni.dev/valid-attachments", .type = &text_type},
};
const struct json_type others_root = OBJECT(others_fields);

const struct json_type *const *key_tables(bool own_ipam, size_t *ret_n)
{
	static const struct json_type *const roots[] = {
		&ovs_root,	  &others_root,
		&network_root,	  &capabilities_root,
		&log_root,	  &requested_mac_root,
		&bandwidth_root,  &bandwidth_runtime_root,
		&port_root,	  &macvlan_root,
		&host_local_root,
	};

	*ret_n = ARRAY_SIZE(roots) - !own_ipam;
	return roots;
}
