/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An option of the agent has an entry in the table of options.c, an environment variable, and
 * a kind of value. This reads the value. */
#ifndef BRIDGE_CNI_AGENT_BASE_OPTION_VALUES_H
#define BRIDGE_CNI_AGENT_BASE_OPTION_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "conf/base/error.h"

#define OPTION_VARIABLE_MAX 48

/* An option that may be left to what the node has already. */
enum option_choice {
	OPTION_UNSET,
	OPTION_NO,
	OPTION_YES,
};

/* How the node is to lose the network. */
enum uninstall_mode {
	UNINSTALL_NOT,
	UNINSTALL_DRAIN, /* when its last pod has gone */
	UNINSTALL_NOW, /* the pods that run lose their network at once */
};

/* How packets to pods of other nodes travel between nodes. */
enum tunnel_mode {
	TUNNEL_NONE, /* as they are, by the nodes' common link or by routers */
	TUNNEL_VXLAN,
	TUNNEL_WIREGUARD,
	TUNNEL_MODES, /* how many there are */
};
/* As options, metrics and the log call them. */
extern const char *const tunnel_mode_names[TUNNEL_MODES];

enum option_kind {
	OPTION_TEXT,
	OPTION_PATH, /* an absolute one */
	OPTION_PATH_OR_NONE, /* an absolute one, or "" */
	OPTION_NAME, /* of a network or a file */
	OPTION_INTERFACE,
	OPTION_NUMBER,
	OPTION_YES_NO,
	OPTION_YES_NO_OR_KEPT, /* unless it is given, the node goes on as it is */
	OPTION_LINK_OR_KEPT,
	OPTION_UNINSTALL,
	OPTION_TUNNEL,
	OPTION_KEY_PREFIX, /* of keys in Kubernetes: a DNS subdomain and "/" */
	OPTION_CIDRS, /* separated by commas */
	OPTION_LINKS, /* names of enum cni_program, separated by commas, or "none" */
	OPTION_LISTEN, /* or "" */
	OPTION_LEVEL,
	OPTION_VERSION_OF_CNI,
};

struct option_spec {
	const char *name, *initial, *help;
	enum option_kind kind;
	size_t offset; /* of its member in struct options */
	uint32_t min, max; /* of a number */
};

/* Gives the environment variable of an option: "cluster-cidr" becomes
 * "BRIDGE_CNI_CLUSTER_CIDR". The node's name has a variable that Kubernetes' users
 * know. */
const char *option_variable(const char *name, char buf[OPTION_VARIABLE_MAX]);

/* Reads @value, which is borrowed, into the option's member @at. Codes 4, 100. */
int option_value_read(const struct option_spec *spec, const char *value, void *at,
		      struct cni_error *err);

#endif
