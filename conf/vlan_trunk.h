/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VLANs whose frames a port carries with their tags: the keys vlanTrunk and trunk. */
#ifndef BRIDGE_CNI_CONF_VLAN_TRUNK_H
#define BRIDGE_CNI_CONF_VLAN_TRUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An entry of the list: one VLAN, a range of them, or both. 0: not given. */
struct vlan_trunk {
	uint32_t id;
	bool id_set; /* where 0 is a VLAN, too */
	uint32_t min_id, max_id; /* inclusive */
};

struct vlan_trunk_list {
	struct vlan_trunk *items;
	size_t n;
};

#endif
