/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions that the stages of Open vSwitch share. */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVS_H
#define BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVS_H

#include "ovs_port.h"
#include "plugin/attachment/attachment.h"

/* Connects to the database that the attachment's record names, or else its network. Errors
 * as ovsdb_open(). */
int ovs_open(const struct attachment *att, struct ovsdb *ret_db, struct cni_error *err);

/*
 * Both remove ports that were made here and have lost their interface: those of pods from
 * before a reboot, which the database outlives, or of an ADD that was killed. The first
 * looks at those of which ovs-vswitchd says that they have none, and is quick; the second at
 * all of the network's, under the exclusive lock. @ret_n: how many.
 */
int ovs_dead_ports_remove(struct attachment *net, struct ovsdb *db, size_t *ret_n,
			  struct cni_error *err);
int ovs_lost_ports_remove(struct attachment *net, struct ovsdb *db, size_t *ret_n,
			  struct cni_error *err);

/* Adds a line with the port's bridge, number and VLANs, as the database has them. */
struct stage_facts;
int ovs_port_show(struct attachment *att, struct stage_facts *facts,
		  struct cni_error *err);

#endif
