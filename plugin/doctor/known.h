/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The structures that hold what the doctor knows of the node's networks and files, and
 * its findings. */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_KNOWN_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_KNOWN_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/findings.h"
#include "conf/network.h"
#include "plugin/netlink/netlink.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARNING, /* pods may work; or it could not be seen */
	DOCTOR_PROBLEM, /* pods don't work, or won't */
};

struct doctor_finding {
	size_t check; /* its row of the table in doctor.c */
	enum doctor_level level;
	char *network; /* printable; NULL: it is about the node */
	char *text; /* printable; owned, as the others are */
	char *command; /* mends it, typed as it is; NULL: no command does */
	bool until_boot; /* so long the command lasts */
	char *advice; /* what mends it, in words; NULL: the command does, or nothing has to */
};

/* What is kept of a network whose configuration was read, for comparisons. */
struct doctor_network {
	char *name, *file, *data_dir; /* owned */
	enum switch_kind switch_kind;
	char bridge[IF_NAMESIZE], gateway_ifname[IF_NAMESIZE];
	char port[IF_NAMESIZE]; /* a pod's, of the bridge; or a name that one may have */
	bool is_gateway, masquerades, routed, isolated, waits_for_agent;
	uint32_t kernel_features; /* that it needs (kernel_feature.h), as bits */
	uint32_t mtu, vlan;
	bool gives_default_route; /* to pods */
	uint32_t route_mtu; /* the largest of these routes; 0: as their interface */
	bool masquerades_nothing; /* pods have no route by which that would be */
	struct prefix_list subnets; /* owned */
	/* Where pods have their addresses: the configured ranges or, with another IPAM
	 * plugin, one pod's address of each subnet. */
	struct {
		struct ip_range *items; /* owned */
		size_t n;
	} ranges;
	size_t connected; /* pods */
};

/* A file that was read. */
struct doctor_file {
	char *path; /* owned */
	bool in_directory; /* a runtime takes the first one of a directory */
	size_t ours; /* plugins of ours in it */
	bool hands_on; /* a meta-plugin, which gives pods the network of the next file */
};

/* Begins as zeros. */
struct doctor {
	struct {
		struct doctor_finding *items;
		size_t n;
	} findings;
	struct {
		struct doctor_network *items;
		size_t n;
	} networks;
	struct {
		struct doctor_file *items;
		size_t n;
	} files;
	struct {
		char **items; /* names of programs that the files have called; owned */
		size_t n;
	} programs;
	struct {
		char **items; /* types and bridges of all plugins of the files; owned */
		size_t n;
	} configured;
	struct findings conf; /* what validate finds in the files */
	char self[256]; /* the path of this executable, for commands */
	const char *plugin_path; /* CNI_PATH, or where it mostly leads; borrowed */
	struct netlink *rtnl; /* open while the node is looked at */
	bool load; /* the kernel may load modules for what is tried */
	bool out_of_memory; /* findings are missing */

	/* The check at work, and the network that it looks at. */
	size_t check;
	const char *network; /* NULL: the node */
};

#endif
