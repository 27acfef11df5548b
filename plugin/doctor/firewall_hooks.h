/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files of the check firewall: the ways that a network's packets go, the hooks that
 * they come by, and the chains that drop them there. */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_FIREWALL_HOOKS_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_FIREWALL_HOOKS_H

#include "known.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables_hooks.h"
#include "plugin/node/iptables_legacy_hooks.h"

/* Where packets of the node come by. */
enum place {
	PLACE_NONE,
	PLACE_PORT, /* a pod's port of the bridge */
	PLACE_GATEWAY, /* the interface with the gateway's addresses: the bridge, mostly */
	PLACE_UPLINK,
};

struct way_step {
	struct packet_hook hook;
	enum place in, out;
};

/* A way of packets. */
struct way {
	const char *what; /* goes it: "what pods send" */
	enum doctor_level level; /* of a chain that drops it */
	bool on_purpose; /* nodes may be made to drop it */
	enum {
		WAY_OUT,
		WAY_BACK,
		WAY_PODS,
		WAY_TO_NODE,
		WAY_NODE_ANSWERS,
		WAY_FROM_NODE,
		WAY_DISCOVERY_IN,
		WAY_DISCOVERY_OUT,
	} kind;
	const struct way_step *steps;
	size_t n;
};
#define WAYS 8
extern const struct way firewall_ways[WAYS]; /* the worst first */

/* The interfaces and addresses at both ends of a way, of which its packets are made. */
struct way_ends {
	const char *bridge, *gateway, *port, *uplink; /* interfaces */
	/* 0: there is none of that name */
	unsigned int gateway_index, port_index, uplink_index;
	struct ip_addr pod, other_pod, node, world;
	struct ip_prefix subnet;
};

/* firewall_ends.c: those of each range of a network, and the uplinks that their packets
 * may go by; @ends.uplink and its index aren't set. The network is borrowed from. Codes 100, 101. */
struct firewall_ends {
	struct way_ends ends;
	struct link_list uplinks;
};
struct firewall_ends_list {
	struct firewall_ends *items;
	size_t n;
};
int firewall_ends_read(struct doctor *doctor, const struct doctor_network *network,
		       struct firewall_ends_list *ret_list, struct cni_error *err);
void firewall_ends_clear(struct firewall_ends_list *list);

/* The packet of a way, at one of its steps. @arp: that of ARP stands for neighbour
 * discovery. */
struct packet way_packet(const struct way *way, const struct way_step *step,
			 const struct way_ends *ends);

/* A chain that drops packets of a way, or may do so. */
struct firewall_drop {
	const struct way *way;
	const struct way_step *step;
	bool legacy; /* of iptables-legacy */
	int family; /* NFPROTO_INET, … */
	const char *table, *chain;
	const char *hook; /* "forward"; of iptables-legacy, the chain's name says it */
	int priority;
	struct chain_walked walked;
};

/* firewall_tell.c: tells of it, and of what mends it; or of this alone. */
void firewall_tell(struct doctor *doctor, const struct firewall_drop *drop,
		   const struct way_ends *ends);
void firewall_mend(struct doctor *doctor, const struct firewall_drop *drop,
		   const struct way_ends *ends);

/* " (Docker's)", or "" where it isn't known whose the chain is. */
const char *firewall_whose(const struct firewall_drop *drop);

#endif
