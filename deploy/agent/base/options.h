/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's options: from its command line, or from the environment, which a ConfigMap
 * fills. */
#ifndef BRIDGE_CNI_AGENT_BASE_OPTIONS_H
#define BRIDGE_CNI_AGENT_BASE_OPTIONS_H

#include <stdint.h>

#include "conf/network.h"
#include "listen_address.h"
#include "log.h"
#include "option_values.h"

/* `bridge-cni-agent --help` tells what each option means. */
struct options {
	const char *node_name;
	const char *kubeconfig; /* a file; "": what follows is said by options */
	const char *api_server, *ca_file;
	const char *token_file; /* NULL: there is none */
	const char *cert_file, *key_file; /* of a client; NULL: there are none */
	const char *bundle; /* folder of the bridge-cni that is installed and run */
	const char *bin_dir, *conf_dir; /* the host's, by their paths in this container */
	uint32_t links; /* bit N: the link of cni_names[N] (conf/env.h) */
	const char *conflist; /* a file's name in conf_dir */
	const char *conflist_template; /* a file; "": none */
	const char *cni_version;
	const char *network, *bridge, *data_dir;
	uint32_t mtu;
	struct prefix_list cluster_cidrs; /* items owned */
	bool host_ports, bandwidth;
	bool masquerade_nodes; /* other nodes see this node's address, not a pod's */
	enum tunnel_mode tunnel; /* by which this node sends */
	enum tunnel_mode tunnel_receive; /* by which it receives, besides */
	bool tunnel_always; /* also between nodes of one link */
	uint32_t vxlan_id; /* VNI */
	bool flannel; /* nodes that run flannel are reached, too */
	const char *flannel_prefix; /* of its annotations; ends with a "/" */
	uint32_t vxlan_port, wireguard_port;
	uint32_t rotate_key_days; /* 0: never */
	enum option_choice spoof_check;
	enum option_choice routed; /* podLink: OPTION_YES routed, OPTION_NO bridged */
	bool port_isolation, mac_spoof_check;
	enum uninstall_mode uninstall;
	uint32_t linger_seconds; /* of the configuration, behind the last pod */
	const char *sysctl_root; /* "": /proc/sys/net itself can be written to */
	uint32_t port; /* on 127.0.0.1; 0: none */
	struct listen_address metrics; /* beside it, for the metrics alone */
	uint32_t max_nodes;
	uint32_t resync_seconds, retry_max_seconds, watch_seconds;
	enum log_level log_level;
	bool cleanup, help, version; /* what is to be done instead of running */
	enum option_choice tunnel_always_asked; /* becomes @tunnel_always */
	char *server_from_env; /* owned; @api_server, made of KUBERNETES_SERVICE_HOST */
};

/* Reads the environment, then the command line, which comes first where both say
 * something. The strings are borrowed from them. Codes 4, 100. */
int options_read(int argc, char **argv, struct options *ret_options,
		 struct cni_error *err);
void options_clear(struct options *options);

/* Whether an environment variable stands for an option. */
bool options_have_variable(const char *name);

/* The option's variable that may be meant by one that stands for none and begins with
 * VARIABLE_PREFIX; NULL: none is near. */
const char *options_variable_meant(const char *name, char *buf, size_t size);

/* Is this mode's device there, be it for sending or for receiving? */
static inline bool options_have_tunnel(const struct options *options,
				       enum tunnel_mode mode)
{
	return options->tunnel == mode || options->tunnel_receive == mode;
}

/* Prints all options to stdout, as --help does. */
void options_print(void);

#endif
