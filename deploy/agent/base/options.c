/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of options. Each is given as --name VALUE, or by the environment variable of that
 * name. */
#include "options.h"

#include "conf/names.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "conf/version.h"
#include "variables.h"

#define ACCOUNT		  "/var/run/secrets/kubernetes.io/serviceaccount"
#define NAME_MAX_	  32
#define CLUSTER_CIDRS_MAX 16

enum kind {
	TEXT,
	PATH, /* an absolute one */
	NAME, /* of a network or a file */
	INTERFACE,
	NUMBER,
	YES_NO,
	YES_NO_OR_KEPT, /* unless it is given, the node goes on as it is */
	LINK_OR_KEPT,
	CIDRS, /* separated by commas */
	LISTEN, /* or "" */
	LEVEL,
	VERSION_OF_CNI,
};

static const struct option_spec {
	const char *name, *initial, *help;
	enum kind kind;
	size_t offset;
	uint32_t min, max;
} specs[] = {
#define AT(member) offsetof(struct options, member)
	{"node-name", "", "this node's name in the API", TEXT, AT(node_name), 0, 0},
	{"cluster-cidr", "",
	 "where all pods' addresses are: CIDRs, separated by commas; no podCIDR outside of\n"
	 "      them is used",
	 CIDRS, AT(cluster_cidrs), 0, 0},
	{"network", "pods", "the network's name", NAME, AT(network), 0, 0},
	{"bridge", "cni0", "the node's bridge", INTERFACE, AT(bridge), 0, 0},
	{"mtu", "0", "of the pods; 0: the uplink's", NUMBER, AT(mtu), 0, 65535},
	{"host-ports", "true", "capability portMappings", YES_NO, AT(host_ports), 0, 0},
	{"bandwidth", "true", "capability bandwidth", YES_NO, AT(bandwidth), 0, 0},
	{"spoof-check", "",
	 "true: pods send from their own addresses alone; unless given, true on a new\n"
	 "      node, and as it is in the configuration on a node that has one",
	 YES_NO_OR_KEPT, AT(spoof_check), 0, 0},
	{"pod-link", "",
	 "bridged, or routed: everything between pods goes through the node; unless\n"
	 "      given, bridged on a new node, and else as it is. It changes when no pod is\n"
	 "      connected",
	 LINK_OR_KEPT, AT(routed), 0, 0},
	{"mac-spoof-check", "false", "pods send from their own MAC address alone", YES_NO,
	 AT(mac_spoof_check), 0, 0},
	{"port-isolation", "false", "nothing passes between pods of the same node",
	 YES_NO, AT(port_isolation), 0, 0},
	{"data-dir", DEFAULT_DATA_DIR, "the address store, the same path as on the host",
	 PATH, AT(data_dir), 0, 0},
	{"cni-version", "1.0.0", "of the conflist", VERSION_OF_CNI, AT(cni_version), 0,
	 0},
	{"conflist", "10-bridge-cni.conflist", "its file name", NAME, AT(conflist), 0, 0},
	{"conf-dir", "/etc/cni/net.d", "where it goes", PATH, AT(conf_dir), 0, 0},
	{"bin-dir", "/opt/cni/bin", "where the executable goes", PATH, AT(bin_dir), 0, 0},
	{"bundle", "/usr/lib/bridge-cni", "what is put there", PATH, AT(bundle), 0, 0},
	{"sysctl-root", "", "where /proc/sys/net can be written to", TEXT,
	 AT(sysctl_root), 0, 0},
	{"api-server", "", "https://HOST:PORT; else by KUBERNETES_SERVICE_HOST and _PORT",
	 TEXT, AT(api_server), 0, 0},
	{"token-file", ACCOUNT "/token", "the service account's", PATH, AT(token_file), 0,
	 0},
	{"ca-file", ACCOUNT "/ca.crt", "the API server's CA", PATH, AT(ca_file), 0, 0},
	{"max-nodes", "10000", "how many Nodes are kept", NUMBER, AT(max_nodes), 1,
	 1000000},
	{"port", "9810", "on 127.0.0.1: /healthz, /readyz, /metrics; 0: none", NUMBER,
	 AT(port), 0, 65535},
	{"metrics-address", "",
	 "ADDRESS:PORT, such as 0.0.0.0:9811 or [::]:9811: /metrics there as well, for\n"
	 "      whoever reaches it; unless given, nothing listens beside --port",
	 LISTEN, AT(metrics), 0, 0},
	{"resync-seconds", "60", "how often everything is looked at without a reason",
	 NUMBER, AT(resync_seconds), 1, 86400},
	{"retry-max-seconds", "30",
	 "the longest pause before the API server is tried again", NUMBER,
	 AT(retry_max_seconds), 1, 3600},
	{"watch-seconds", "300", "how long a watch lasts", NUMBER, AT(watch_seconds), 1,
	 3600},
	{"log-level", "info", "debug, info, warn or error", LEVEL, AT(log_level), 0, 0},
#undef AT
};

/* Gives the environment variable of an option: "cluster-cidr" becomes
 * "BRIDGE_CNI_CLUSTER_CIDR". The node's name has a variable that Kubernetes' users know. */
static const char *variable(const char *name, char buf[NAME_MAX_ + 16])
{
	char *c;

	if (strcmp(name, "node-name") == 0)
		return "NODE_NAME";
	snprintf(buf, NAME_MAX_ + 16, VARIABLE_PREFIX "%s", name);
	for (c = buf; *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	return buf;
}

static int wrong(const struct option_spec *spec, const char *value, const char *expected,
		 struct cni_error *err)
{
	char buf[NAME_MAX_ + 16];

	return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
			 "--%s (or %s): \"%s\" isn't right, expected %s", spec->name,
			 variable(spec->name, buf), value, expected);
}

static int number_read(const struct option_spec *spec, const char *value, uint32_t *ret,
		       struct cni_error *err)
{
	char *end = NULL, expected[64];
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	snprintf(expected, sizeof(expected), "a number from %u to %u", spec->min,
		 spec->max);
	if (!isdigit((unsigned char)value[0]) || *end || errno || number < spec->min ||
	    number > spec->max)
		return wrong(spec, value, expected, err);
	*ret = number;
	return 0;
}

static int cidrs_read(const struct option_spec *spec, const char *value,
		      struct prefix_list *list, struct cni_error *err)
{
	static const char expected[] =
		"CIDRs without host bits, separated by commas, such as 10.244.0.0/16";

	free(list->items);
	*list = (struct prefix_list){};
	while (*value) {
		size_t len = strcspn(value, ",");
		struct ip_prefix prefix, network;
		char text[PREFIX_TEXT_MAX] = "";

		if (len < sizeof(text))
			memcpy(text, value, len);
		/* An IPv4-mapped one would be a CIDR of IPv6 that no podCIDR is inside of. */
		if (prefix_parse(text, &prefix) < 0 || ip_is_v4_mapped(&prefix.addr) ||
		    list->n == CLUSTER_CIDRS_MAX)
			return wrong(spec, value, expected, err);
		network = prefix_network(&prefix);
		if (!prefix_equal(&network, &prefix))
			return wrong(spec, value, expected, err);
		if (!list->items)
			list->items = calloc(CLUSTER_CIDRS_MAX, sizeof(*list->items));
		if (!list->items)
			return error_oom(err);
		list->items[list->n++] = prefix;
		value += len + (value[len] == ',');
	}
	return 0;
}

static int level_read(const struct option_spec *spec, const char *value,
		      enum log_level *ret, struct cni_error *err)
{
	for (int i = 0; i <= LOG_LEVEL_ERROR; i++) {
		if (strcmp(value, log_level_names[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return wrong(spec, value, "debug, info, warn or error", err);
}

static int yes_no_read(const struct option_spec *spec, const char *value, bool *ret,
		       struct cni_error *err)
{
	*ret = strcmp(value, "true") == 0;
	if (!*ret && strcmp(value, "false") != 0)
		return wrong(spec, value, "true or false", err);
	return 0;
}

static int choice_read(const struct option_spec *spec, const char *value, const char *no,
		       const char *yes, enum option_choice *ret, struct cni_error *err)
{
	char expected[64];

	*ret = OPTION_UNSET;
	if (!value[0])
		return 0;
	*ret = strcmp(value, yes) == 0 ? OPTION_YES : OPTION_NO;
	if (*ret == OPTION_YES || strcmp(value, no) == 0)
		return 0;
	snprintf(expected, sizeof(expected), "%s or %s", yes, no);
	return wrong(spec, value, expected, err);
}

static bool is_version(const char *value)
{
	for (int i = 0; i < CNI_VERSIONS; i++)
		if (i >= CNI_0_3_1 && strcmp(value, cni_version_names[i]) == 0)
			return true;
	return false;
}

static int value_read(const struct option_spec *spec, const char *value,
		      struct options *options, struct cni_error *err)
{
	void *at = (char *)options + spec->offset;

	switch (spec->kind) {
	case NUMBER:
		return number_read(spec, value, at, err);
	case CIDRS:
		return cidrs_read(spec, value, at, err);
	case LISTEN:
		*(struct listen_address *)at = (struct listen_address){};
		if (value[0] && listen_address_parse(value, at) < 0)
			return wrong(spec, value, "ADDRESS:PORT or [ADDRESS]:PORT", err);
		return 0;
	case LEVEL:
		return level_read(spec, value, at, err);
	case YES_NO:
		return yes_no_read(spec, value, at, err);
	case YES_NO_OR_KEPT:
		return choice_read(spec, value, "false", "true", at, err);
	case LINK_OR_KEPT:
		return choice_read(spec, value, "bridged", "routed", at, err);
	case PATH:
		if (value[0] != '/')
			return wrong(spec, value, "an absolute path", err);
		break;
	case NAME:
		if (!cni_name_valid(value))
			return wrong(spec, value, "letters, digits, \"_\", \".\", \"-\"",
				     err);
		break;
	case INTERFACE:
		if (!ifname_valid(value))
			return wrong(spec, value, "an interface's name", err);
		break;
	case VERSION_OF_CNI:
		if (!is_version(value))
			return wrong(spec, value, "0.3.1, 0.4.0, 1.0.0 or 1.1.0", err);
		break;
	case TEXT:
		break;
	}
	*(const char **)at = value;
	return 0;
}

/* A Service "bridge-cni" gives BRIDGE_CNI_PORT, which is also an option's variable. */
static bool is_of_service(const char *name, const char *value)
{
	char entry[NAME_MAX_ + 64];

	snprintf(entry, sizeof(entry), "%s=%s", name, value);
	return variable_is_of_service(entry);
}

static int environment_read(struct options *options, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(specs); i++) {
		char buf[NAME_MAX_ + 16];
		const char *name = variable(specs[i].name, buf);
		const char *value = getenv(name);

		/* "" in a ConfigMap means the default. */
		if (!value || !value[0] || is_of_service(name, value))
			value = specs[i].initial;
		ret = value_read(&specs[i], value, options, err);
	}
	return ret;
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
		return value_read(&specs[i], value, options, err);
	}
	return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
			 "unknown option %s; see --help", argument);
}

static int server_settle(struct options *options, struct cni_error *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool bare6 = host && strchr(host, ':') && host[0] != '[';

	if (!options->api_server[0] && host && port) {
		if (asprintf(&options->server_from_env, "https://%s%s%s:%s",
			     bare6 ? "[" : "", host, bare6 ? "]" : "", port) < 0) {
			options->server_from_env = NULL;
			return error_oom(err);
		}
		options->api_server = options->server_from_env;
	}
	if (strncmp(options->api_server, "https://", 8) != 0)
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

bool options_have_variable(const char *name)
{
	char buf[NAME_MAX_ + 16];

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		if (strcmp(variable(specs[i].name, buf), name) == 0)
			return true;
	return false;
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
			ret = error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
					"unknown argument \"%s\"; see --help", argv[i]);
		else {
			ret = argument_read(argv[i], argv[i + 1], &options, err);
			i++;
		}
	}
	if (ret == 0 && !options.cleanup && !options.help && !options.version)
		ret = server_settle(&options, err);
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
		char buf[NAME_MAX_ + 16];

		printf("  --%s VALUE, %s\n      %s", specs[i].name,
		       variable(specs[i].name, buf), specs[i].help);
		if (specs[i].initial[0])
			printf(" [%s]", specs[i].initial);
		puts("");
	}
}
