/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This program has in Open vSwitch's database: a port of a bridge for each attachment,
 * by the name of its interface on the node. The port's external_ids say whose it is. See
 * ovs-vswitchd.conf.db(5).
 *
 * All functions fail as ovsdb.h says.
 */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVS_PORT_H
#define BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ovs_daemon.h"
#include "ovsdb.h"

#define OVS_OWNER      "bridge-cni" /* external_ids:owner of a port that was made here */
#define OVS_VLANS_MAX  4096
#define OVS_OFPORT_MAX 65279 /* of ofport_request */

struct ovs_bridge {
	struct ovsdb_reply reply; /* owns the strings */
	bool is_there;
	/* frames go through user space (datapath_type netdev) */
	bool in_user_space;
	/* without a controller that says otherwise, no frame passes (fail_mode secure) */
	bool is_secure;
	bool has_controller;
};
void ovs_bridge_clear(struct ovs_bridge *bridge);

int ovs_bridge_find(struct ovsdb *db, const char *name, struct ovs_bridge *ret_bridge,
		    struct cni_error *err);

/* A bit for each VLAN. */
struct ovs_vlans {
	uint64_t bits[OVS_VLANS_MAX / 64];
	size_t n;
};
void ovs_vlans_add(struct ovs_vlans *vlans, uint32_t first, uint32_t last);
bool ovs_vlans_have(const struct ovs_vlans *vlans, uint32_t vlan);

/* The VLANs that a port is in. Neither a tag nor trunks: it gets the frames of all VLANs, with
 * their tags. */
struct ovs_port_vlans {
	int tag; /* of untagged frames; -1: none */
	struct ovs_vlans trunks; /* of tagged frames */
};
/* Returns the port's vlan_mode. */
const char *ovs_vlan_mode(const struct ovs_port_vlans *vlans);

/* A port that is to be made; strings are borrowed. */
struct ovs_port_spec {
	const char *bridge;
	const char *name; /* of the interface on the node, which is there already */
	const char *network, *container_id, *ifname, *netns; /* whose it is */
	const struct ovs_port_vlans *vlans;
	uint32_t ofport; /* that is asked for; 0: any */
	/* Somebody else limits its rates: ovs-vswitchd leaves its queues alone, which it
	 * removes otherwise when it is started again. */
	bool has_limits;
};

enum ovs_port_outcome {
	OVS_PORT_DONE = 0,
	OVS_PORT_EXISTS = 1, /* the database has an interface of that name */
	OVS_PORT_NO_BRIDGE = 2,
};

/*
 * Adds the port to the database, all of it or nothing. Returns enum ovs_port_outcome, or
 * an error. ovs-vswitchd then makes it (ovs_port_await()).
 *
 * A port of that name may have been removed before, with an interface that is gone. Then
 * ovs-vswitchd has to have taken the removal over first (ovs_daemon_await()). Otherwise it
 * sees the same port, and goes on with the interface that is gone.
 */
int ovs_port_add(struct ovsdb *db, const struct ovs_port_spec *spec,
		 struct cni_error *err);

/* Waits until ovs-vswitchd has made the port. Code 11: it hasn't by @deadline_ms;
 * 101: it can't, with its own words. @ret_ofport: the port's OpenFlow number. */
int ovs_port_await(struct ovsdb *db, const char *name, int64_t deadline_ms,
		   uint32_t *ret_ofport, struct cni_error *err);

/* A port as the database has it. */
struct ovs_port {
	struct ovsdb_reply reply; /* owns the row */
	const struct json_value *row, *interface; /* NULL: there is no such port */
	const char *uuid;
};
void ovs_port_clear(struct ovs_port *port);

int ovs_port_find(struct ovsdb *db, const char *name, struct ovs_port *ret_port,
		  struct cni_error *err);
bool ovs_port_is_ours(const struct ovs_port *port); /* it was made here */
bool ovs_port_is_of(const struct ovs_port *port, const char *network,
		    const char *container_id, const char *ifname);
/* Is it in these VLANs, and in no others? */
bool ovs_port_is_in(const struct ovs_port *port, const struct ovs_port_vlans *vlans);
/* Does ovs-vswitchd say that it can't make it? */
bool ovs_port_has_failed(const struct ovs_port *port);
/* Gives the name of the port's bridge, which the reply owns; NULL: the port is gone by
 * now. */
int ovs_port_bridge(struct ovsdb *db, const char *uuid, struct ovsdb_reply *ret_reply,
		    const char **ret_name, struct cni_error *err);

/* Removes the port @name from its bridge, and so from the database; one that is gone is no
 * error. @uuid: of the port that is meant, as another one may have the name by now. This and
 * the next function call ovs-vswitchd (ovs_daemon_put_call()). */
int ovs_port_remove(struct ovsdb *db, const char *name, const char *uuid,
		    struct cni_error *err);

/* Removes what a port that somebody else has removed has left: the database drops a port by
 * itself, but not the row that has ovs-vswitchd leave its queues alone. */
int ovs_port_forget(struct ovsdb *db, const char *name, struct cni_error *err);

/* Names of interfaces, the ports of which may have lost their interface on the node:
 * ovs-vswitchd has none of that name. */
int ovs_dead_interfaces(struct ovsdb *db, struct ovsdb_reply *ret_reply,
			struct cni_error *err);
size_t ovs_dead_count(const struct ovsdb_reply *reply);
const char *ovs_dead_name(const struct ovsdb_reply *reply,
			  size_t index); /* may be NULL */

/* All ports of the network that were made here, as rows with name and _uuid. */
int ovs_ports_of_network(struct ovsdb *db, const char *network,
			 struct ovsdb_reply *ret_reply, struct cni_error *err);

#endif
