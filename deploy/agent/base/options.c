/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of options. Each is given as --NAME VALUE, or by an environment variable. */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "conf/nearest_key.h"
#include "option_values.h"
#include "variables.h"

/* Numbers of VXLAN networks: the agent's own, and the one that flannel has unless its
 * configuration says otherwise. */
#define VNI	       4096
#define VNI_OF_FLANNEL 1

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

static const struct option_spec specs[] = {
#define AT(member) offsetof(struct options, member)
	{"node-name", "", "this node's name in the API", OPTION_TEXT, AT(node_name), 0,
	 0},
	{"cluster-cidr", "",
	 "where all pods' addresses are: CIDRs, separated by commas; no podCIDR outside of\n"
	 "      them is used",
	 OPTION_CIDRS, AT(cluster_cidrs), 0, 0},
	{"masquerade-nodes", "true",
	 "false: other nodes' addresses see the pod's own, as other pods do",
	 OPTION_YES_NO, AT(masquerade_nodes), 0, 0},
	{"tunnel", "none",
	 "vxlan or wireguard: how this node sends to pods of nodes with which it shares no\n"
	 "      link; none: the network between nodes routes the podCIDRs",
	 OPTION_TUNNEL, AT(tunnel), 0, 0},
	{"tunnel-always", "",
	 "true: all nodes' pods are reached by the tunnel, also those of one link, whose\n"
	 "      network may drop the pods' addresses; unless given, false with vxlan, and\n"
	 "      true with wireguard",
	 OPTION_YES_NO_OR_KEPT, AT(tunnel_always_asked), 0, 0},
	{"tunnel-receive", "none",
	 "vxlan or wireguard: this node takes what other nodes send by it, too. It comes\n"
	 "      before --tunnel when a running cluster is changed",
	 OPTION_TUNNEL, AT(tunnel_receive), 0, 0},
	{"vxlan-id", "0",
	 "VXLAN's network identifier (VNI), the same on all nodes; 0: 4096, or with\n"
	 "      --flannel true flannel's, 1",
	 OPTION_NUMBER, AT(vxlan_id), 0, 16777215},
	{"vxlan-port", "8472", "VXLAN's UDP port, the same on all nodes", OPTION_NUMBER,
	 AT(vxlan_port), 1, 65535},
	{"flannel", "false",
	 "true: nodes that run flannel with its backend vxlan, and this one, reach each\n"
	 "      other's pods by VXLAN, so that a cluster is switched node by node",
	 OPTION_YES_NO, AT(flannel), 0, 0},
	{"flannel-prefix", "flannel.alpha.coreos.com/",
	 "how the annotations of Nodes begin by which flannel's nodes find each other",
	 OPTION_KEY_PREFIX, AT(flannel_prefix), 0, 0},
	{"wireguard-port", "51820", "WireGuard's UDP port on this node", OPTION_NUMBER,
	 AT(wireguard_port), 1, 65534},
	{"rotate-key-days", "0",
	 "how many days a WireGuard key is used, on all nodes; it needs a second UDP port,\n"
	 "      the next one. 0: a key is used until the next boot",
	 OPTION_NUMBER, AT(rotate_key_days), 0, 3650},
	{"network", "pods", "the network's name", OPTION_NAME, AT(network), 0, 0},
	{"bridge", "cni0", "the node's bridge", OPTION_INTERFACE, AT(bridge), 0, 0},
	{"mtu", "0", "of the pods; 0: the uplink's", OPTION_NUMBER, AT(mtu), 0, 65535},
	{"host-ports", "true", "capability portMappings", OPTION_YES_NO, AT(host_ports),
	 0, 0},
	{"bandwidth", "true", "capability bandwidth", OPTION_YES_NO, AT(bandwidth), 0, 0},
	{"spoof-check", "",
	 "true: pods send from their own addresses alone; unless given, true on a new\n"
	 "      node, and as it is in the configuration on a node that has one",
	 OPTION_YES_NO_OR_KEPT, AT(spoof_check), 0, 0},
	{"pod-link", "",
	 "bridged, or routed: everything between pods goes through the node; unless\n"
	 "      given, bridged on a new node, and else as it is. It changes when no pod is\n"
	 "      connected",
	 OPTION_LINK_OR_KEPT, AT(routed), 0, 0},
	{"mac-spoof-check", "false", "pods send from their own MAC address alone",
	 OPTION_YES_NO, AT(mac_spoof_check), 0, 0},
	{"port-isolation", "false", "nothing passes between pods of the same node",
	 OPTION_YES_NO, AT(port_isolation), 0, 0},
	{"uninstall", "",
	 "drain: no new pods; when the last one has gone, all that the agent has made is\n"
	 "      removed; now: the pods that run are disconnected first",
	 OPTION_UNINSTALL, AT(uninstall), 0, 0},
	{"uninstall-linger-seconds", "120",
	 "how long the runtime's configuration stays then behind the last pod",
	 OPTION_NUMBER, AT(linger_seconds), 0, 86400},
	{"data-dir", DEFAULT_DATA_DIR, "the address store, the same path as on the host",
	 OPTION_PATH, AT(data_dir), 0, 0},
	{"cni-version", "1.0.0", "of the conflist", OPTION_VERSION_OF_CNI,
	 AT(cni_version), 0, 0},
	{"conflist", "10-bridge-cni.conflist", "its file name", OPTION_NAME, AT(conflist),
	 0, 0},
	{"conflist-template", "",
	 "a file with a list whose first plugin gets this node's ranges; its keys go before\n"
	 "      the options. Unless there is one, the list follows from the options alone",
	 OPTION_PATH_OR_NONE, AT(conflist_template), 0, 0},
	{"conf-dir", "/etc/cni/net.d", "where it goes", OPTION_PATH, AT(conf_dir), 0, 0},
	{"bin-dir", "/opt/cni/bin", "where the executable goes", OPTION_PATH, AT(bin_dir),
	 0, 0},
	{"links", "loopback",
	 "under which names of other plugins the executable is found there, besides its\n"
	 "      own, where nothing else has that name: bridge, host-local, loopback, macvlan,\n"
	 "      ipvlan, ovs, separated by commas; or none",
	 OPTION_LINKS, AT(links), 0, 0},
	{"bundle", "/usr/lib/bridge-cni", "what is put there", OPTION_PATH, AT(bundle), 0,
	 0},
	{"sysctl-root", "", "where /proc/sys/net can be written to", OPTION_TEXT,
	 AT(sysctl_root), 0, 0},
	{"kubeconfig", "",
	 "a kubeconfig, in YAML or JSON, that has the API server and credentials, instead of\n"
	 "      the next three",
	 OPTION_PATH_OR_NONE, AT(kubeconfig), 0, 0},
	{"api-server", "", "https://HOST:PORT; else by KUBERNETES_SERVICE_HOST and _PORT",
	 OPTION_TEXT, AT(api_server), 0, 0},
	{"token-file", ACCOUNT "/token", "the service account's", OPTION_PATH,
	 AT(token_file), 0, 0},
	{"ca-file", ACCOUNT "/ca.crt", "the API server's CA", OPTION_PATH, AT(ca_file), 0,
	 0},
	{"max-nodes", "10000", "how many Nodes are kept", OPTION_NUMBER, AT(max_nodes), 1,
	 1000000},
	{"port", "9810", "on 127.0.0.1: /healthz, /readyz, /metrics; 0: none",
	 OPTION_NUMBER, AT(port), 0, 65535},
	{"metrics-address", "",
	 "ADDRESS:PORT, such as 0.0.0.0:9811 or [::]:9811: /metrics there as well, for\n"
	 "      whoever reaches it; unless given, nothing listens beside --port",
	 OPTION_LISTEN, AT(metrics), 0, 0},
	{"resync-seconds", "60", "how often everything is looked at without a reason",
	 OPTION_NUMBER, AT(resync_seconds), 1, 86400},
	{"retry-max-seconds", "30",
	 "the longest pause before the API server is tried again", OPTION_NUMBER,
	 AT(retry_max_seconds), 1, 3600},
	{"watch-seconds", "300", "how long a watch lasts", OPTION_NUMBER,
	 AT(watch_seconds), 1, 3600},
	{"log-level", "info", "debug, info, warn or error", OPTION_LEVEL, AT(log_level),
	 0, 0},
#undef AT
};

/* A Service "bridge-cni" gives BRIDGE_CNI_PORT, which is also an option's variable. */
static bool is_of_service(const char *name, const char *value)
{
	char entry[OPTION_VARIABLE_MAX + 64];

	snprintf(entry, sizeof(entry), "%s=%s", name, value);
	return variable_is_of_service(entry);
}

static int environment_read(struct options *options, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(specs); i++) {
		char buf[OPTION_VARIABLE_MAX];
		const char *name = option_variable(specs[i].name, buf);
		const char *value = getenv(name);

		/* "" in a ConfigMap means the default. */
		if (!value || !value[0] || is_of_service(name, value))
			value = specs[i].initial;
		ret = option_value_read(&specs[i], value,
					(char *)options + specs[i].offset, err);
	}
	return ret;
}

/* Compares a word with the names of all options that have a value. */
static struct nearest options_nearest(const char *word)
{
	struct nearest nearest = nearest_begin(word);

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		nearest_compare(&nearest, specs[i].name);
	return nearest;
}

/* Names the option that may be meant, also where the dashes are missing, or a "=" is in
 * front of its value. */
static int argument_refuse(const char *argument, struct cni_error *err)
{
	static const char *const without_value[] = {"cleanup", "help", "version"};
	const char *name = argument + strspn(argument, "-"), *with_value;
	const char *what = strncmp(argument, "--", 2) == 0 ? "option" : "argument";
	_cleanup_(free_p) char *word = strndup(name, strcspn(name, "="));
	struct nearest nearest;

	if (!word)
		return error_oom(err);
	nearest = options_nearest(word);
	with_value = nearest.found;
	for (size_t i = 0; i < ARRAY_SIZE(without_value); i++)
		nearest_compare(&nearest, without_value[i]);
	if (!nearest.found)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "unknown %s %s; see --help", what, argument);
	return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
			 "unknown %s %s: is --%s%s meant? See --help", what, argument,
			 nearest.found, nearest.found == with_value ? " VALUE" : "");
}

static int argument_read(const char *argument, const char *value, struct options *options,
			 struct cni_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		if (strcmp(argument + 2, specs[i].name) != 0)
			continue;
		if (!value)
			return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
					 "%s wants a value", argument);
		return option_value_read(&specs[i], value,
					 (char *)options + specs[i].offset, err);
	}
	return argument_refuse(argument, err);
}

/* Takes the API server that Kubernetes tells its pods of, unless an option names one. */
static int server_of_environment(struct options *options, struct cni_error *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool bare6 = host && strchr(host, ':') && host[0] != '[';

	if (options->api_server[0] || options->kubeconfig[0] || !host || !port)
		return 0;
	if (asprintf(&options->server_from_env, "https://%s%s%s:%s", bare6 ? "[" : "",
		     host, bare6 ? "]" : "", port) < 0) {
		options->server_from_env = NULL;
		return error_oom(err);
	}
	options->api_server = options->server_from_env;
	return 0;
}

static int server_check(const struct options *options, struct cni_error *err)
{
	if (options->kubeconfig[0] && options->api_server[0])
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "--kubeconfig has an API server, too: it can't be "
				 "together with --api-server");
	if (!options->kubeconfig[0] && strncmp(options->api_server, "https://", 8) != 0)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "--api-server: \"%s\" isn't right, expected "
				 "https://HOST:PORT, or KUBERNETES_SERVICE_HOST and "
				 "KUBERNETES_SERVICE_PORT in the environment",
				 options->api_server);
	if (!options->node_name[0])
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "--node-name or NODE_NAME is missing");
	return 0;
}

/* What follows from others, where an option leaves it open. */
static void tunnel_settle(struct options *options)
{
	options->tunnel_always = options->tunnel_always_asked == OPTION_YES ||
				 options->tunnel == TUNNEL_WIREGUARD;
	if (!options->vxlan_id)
		options->vxlan_id = options->flannel ? VNI_OF_FLANNEL : VNI;
}

/* Refuses what can't be together. */
static int tunnel_check(const struct options *options, struct cni_error *err)
{
	bool tunnel = options->tunnel || options->tunnel_receive;

	if (options->tunnel == TUNNEL_WIREGUARD &&
	    options->tunnel_always_asked == OPTION_NO)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "--tunnel wireguard encrypts what goes to any node: it "
				 "can't be together with --tunnel-always false");
	if (options->flannel && !options_have_tunnel(options, TUNNEL_VXLAN))
		return error_set(
			err, CNI_ERR_ENVIRONMENT, EINVAL,
			"--flannel true: flannel's nodes are reached by VXLAN: it "
			"needs --tunnel vxlan or --tunnel-receive vxlan");
	/* Each needs annotations that the other one's policy refuses. */
	if (options->flannel && options_have_tunnel(options, TUNNEL_WIREGUARD))
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "--flannel true: a cluster leaves flannel first, and "
				 "gets WireGuard afterwards: it can't be together with "
				 "--tunnel wireguard or --tunnel-receive wireguard");
	/* A node's answer to a pod's own address doesn't come by the tunnel, and is
	 * dropped on the way. */
	if (tunnel && !options->masquerade_nodes)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "--masquerade-nodes false: pods reach other nodes by "
				 "these nodes' own addresses, for which there is no "
				 "tunnel: it can't be together with --tunnel or "
				 "--tunnel-receive");
	return 0;
}

bool options_have_variable(const char *name)
{
	char buf[OPTION_VARIABLE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		if (strcmp(option_variable(specs[i].name, buf), name) == 0)
			return true;
	return false;
}

const char *options_variable_meant(const char *name, char *buf, size_t size)
{
	char variable[OPTION_VARIABLE_MAX];
	struct nearest nearest;
	char word[NEAREST_KEY_MAX + 2]; /* one byte more is near nothing */

	snprintf(word, sizeof(word), "%s", name + strlen(VARIABLE_PREFIX));
	for (char *c = word; *c; c++)
		*c = *c == '_' ? '-' : *c;
	nearest = options_nearest(word);
	if (!nearest.found)
		return NULL;
	snprintf(buf, size, "%s", option_variable(nearest.found, variable));
	return buf;
}

int options_read(int argc, char **argv, struct options *ret_options,
		 struct cni_error *err)
{
	struct options options = {};
	int ret = environment_read(&options, err);

	for (int i = 1; ret == 0 && i < argc; i++) {
		if (strcmp(argv[i], "--cleanup") == 0)
			options.cleanup = true;
		else if (strcmp(argv[i], "--help") == 0)
			options.help = true;
		else if (strcmp(argv[i], "--version") == 0)
			options.version = true;
		else if (strncmp(argv[i], "--", 2) != 0)
			ret = argument_refuse(argv[i], err);
		else {
			ret = argument_read(argv[i], argv[i + 1], &options, err);
			i++;
		}
	}
	tunnel_settle(&options);
	if (ret == 0)
		ret = server_of_environment(&options, err);
	if (ret == 0 && !options.cleanup && !options.help && !options.version) {
		ret = server_check(&options, err);
		if (ret == 0)
			ret = tunnel_check(&options, err);
	}
	if (ret < 0)
		options_clear(&options);
	else
		*ret_options = options;
	return ret;
}

void options_clear(struct options *options)
{
	free(options->cluster_cidrs.items);
	free(options->server_from_env);
	*options = (struct options){};
}

void options_print(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		char buf[OPTION_VARIABLE_MAX];

		printf("  --%s VALUE, %s\n      %s", specs[i].name,
		       option_variable(specs[i].name, buf), specs[i].help);
		if (specs[i].initial[0])
			printf(" [%s]", specs[i].initial);
		puts("");
	}
}
