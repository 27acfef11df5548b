/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bridge-cni-agent: one process on each node, beside the plugin. */
#include <stdio.h>
#include <sys/stat.h>

#include "agent.h"
#include "cleanup.h"
#include "deploy/agent/api/kubeconfig.h"
#include "deploy/agent/base/memory_trim.h"
#include "deploy/agent/base/variables.h"

static const char about[] =
	"bridge-cni-agent " BRIDGE_CNI_VERSION
	": keeps a Kubernetes node's pod network right.\n"
	"\n"
	"It installs bridge-cni and, once the node has a podCIDR, its configuration; keeps routes to\n"
	"the other nodes' pods; puts back what is flushed or deleted under running pods; gives back\n"
	"what dead pods left. It ends at SIGTERM and leaves everything as it is, but that pods'\n"
	"permanent neighbours are ordinary ones until an agent starts.\n"
	"\n"
	"  --cleanup  uninstall from this node, as --uninstall says while pods are connected\n"
	"  --help     this text\n"
	"  --version  the version\n"
	"\n"
	"Options, the environment variables that stand for them, and defaults:\n"
	"\n";

/* @kubeconfig must outlive the options, which borrow from it. */
static int kubeconfig_use(struct options *options, struct kubeconfig *kubeconfig,
			  struct cni_error *err)
{
	int ret;

	if (!options->kubeconfig[0])
		return 0;
	ret = kubeconfig_open(options->kubeconfig, kubeconfig, err);
	if (ret < 0)
		return ret;
	options->api_server = kubeconfig->server;
	options->ca_file = kubeconfig->files[KUBECONFIG_CA];
	options->token_file = kubeconfig->files[KUBECONFIG_TOKEN];
	options->cert_file = kubeconfig->files[KUBECONFIG_CERT];
	options->key_file = kubeconfig->files[KUBECONFIG_KEY];
	return 0;
}

static int run(const struct options *options, struct cni_error *err)
{
	struct log log = {.level = options->log_level};
	struct agent agent;
	int ret;

	if (options->cleanup)
		return agent_cleanup(options, &log, err);
	memory_keep();
	variables_tell_unknown(&log, options_have_variable, options_variable_meant);
	ret = agent_open(&agent, options, &log, err);
	if (ret == 0) {
		log_write(&log, LOG_LEVEL_INFO, "bridge-cni-agent", "version",
			  BRIDGE_CNI_VERSION, "node", options->node_name, "server",
			  options->api_server, NULL);
		agent_run(&agent);
	}
	agent_close(&agent);
	return ret;
}

int main(int argc, char **argv)
{
	struct log log = {.level = LOG_LEVEL_INFO};
	struct kubeconfig kubeconfig = KUBECONFIG_NONE;
	struct options options = {};
	struct cni_error err = {};
	int ret;

	umask(022);
	ret = options_read(argc, argv, &options, &err);
	if (ret == 0 && options.help) {
		fputs(about, stdout);
		options_print();
	} else if (ret == 0 && options.version) {
		puts("bridge-cni-agent " BRIDGE_CNI_VERSION);
	} else if (ret == 0) {
		ret = kubeconfig_use(&options, &kubeconfig, &err);
		if (ret == 0)
			ret = run(&options, &err);
	}
	if (ret < 0)
		log_error(&log, "failed", &err);
	options_clear(&options);
	kubeconfig_close(&kubeconfig);
	return ret < 0 ? 1 : 0;
}
