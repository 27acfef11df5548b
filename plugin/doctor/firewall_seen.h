/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chain that was seen to drop a packet: whose it is, and what mends it. */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_FIREWALL_SEEN_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_FIREWALL_SEEN_H

#include "known.h"

struct firewall_seen {
	int family; /* of the table: NFPROTO_INET, … */
	const char *table, *chain;
	bool on_bridge; /* a frame was dropped; else a packet that the node has */
	unsigned int hook; /* NF_INET_FORWARD, … */
	bool is_answer; /* and not what a pod sends */
	bool to_node; /* it is for an address of the node, or from one */
	bool of_docker, of_ufw; /* a chain on the way had such a program's name */
	const char *gateway, *port, *uplink; /* interfaces of the node; "": none */
};

/* " (Docker's)", or "" where it isn't known whose the chain is. */
const char *firewall_seen_whose(const struct firewall_seen *seen);

/* Gives the finding that was told last what lets such packets through. */
void firewall_seen_mend(struct doctor *doctor, const struct firewall_seen *seen);

#endif
