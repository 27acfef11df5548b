/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The links by which runtimes find the bundle's executable under the names of other
 * plugins (plugin/name_links.h), above all loopback, without which containerd starts and
 * deletes no pod of any network. So they, and what they lead to, outlive the agent's
 * network as long as a runtime may need them.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_PLUGIN_LINKS_H
#define BRIDGE_CNI_AGENT_NODE_PLUGIN_LINKS_H

#include <limits.h>

#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"

/* The caller sets the first two fields, and the rest to 0. */
struct plugin_links {
	const struct options *options;
	const struct log *log;
	uint32_t taken; /* names that are told to be somebody else's, as options->links */
	uint64_t error; /* of log_error_once() */
};

/* Sees to it that the links are there that the options ask for, beside the executable.
 * What else has such a name is left alone, and told once. */
void plugin_links_ensure(struct plugin_links *links);

/*
 * Does a runtime need a link that is there? It may as long as there is a configuration of
 * another network, or a network namespace in /run/netns, which is a pod's. @ret_by then
 * says which, for people; it is "" otherwise. Code 5.
 */
int plugin_links_needed(const struct options *options, char ret_by[PATH_MAX],
			struct cni_error *err);

/* Removes the links, whatever the options ask for by now. Code 5. */
int plugin_links_remove(const char *bin_dir, struct cni_error *err);

#endif
