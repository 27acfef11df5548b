/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of a network on a bridge of Open vSwitch, as ovs-cni has them. With another switch
 * they mean nothing, and are reported as unknown keys.
 */
#ifndef BRIDGE_CNI_CONF_OVS_CONF_H
#define BRIDGE_CNI_CONF_OVS_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "vlan_trunk.h"

#define DEFAULT_OVS_SOCKET "/var/run/openvswitch/db.sock"
#define OVS_VLAN_MAX	   4095

struct ovs_conf {
	const char *socket_file; /* as it is given: "unix:" may be in front */
	const char *socket; /* the path of the database's socket */
	struct vlan_trunk_list trunk;
	uint32_t ofport_request; /* 0: any */
	/* Only checked. */
	const char *interface_type, *configuration_path, *device_id, *ovn_port;
};

#endif
