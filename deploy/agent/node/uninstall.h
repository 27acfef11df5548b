/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes the network off this node (--uninstall): waits for the last pod, or disconnects
 * all of them, then removes all that agents have made. What is to be done next follows
 * from what the node has: an agent that is killed at whatever moment goes on when it
 * starts again, and one that finds nothing left does nothing.
 *
 * The runtime's configuration and the executable are the last to go, since the runtime
 * needs them to delete a pod. setup.h keeps them on the node until then, the
 * configuration with the key draining (conflist.h). The executable stays behind that
 * while a runtime may need one of its links (plugin_links.h).
 */
#ifndef BRIDGE_CNI_AGENT_NODE_UNINSTALL_H
#define BRIDGE_CNI_AGENT_NODE_UNINSTALL_H

#include <limits.h>

#include "deploy/agent/base/job.h"
#include "deploy/agent/base/options.h"
#include "network_names.h"
#include "plugin/netlink/netlink.h"
#include "pod_names.h"

enum uninstall_step {
	UNINSTALL_WAIT,
	UNINSTALL_DISCONNECT, /* all pods get their DEL: `bridge-cni cleanup --force` */
	UNINSTALL_CLEANUP, /* what pods share goes: `bridge-cni cleanup` */
	UNINSTALL_REMOVE, /* nobody is to put anything back any more */
	UNINSTALL_DONE,
};

/* The caller sets the first four fields, which it keeps, and the rest to 0. Times are by
 * now_ms(). */
struct uninstall {
	const struct options *options;
	const struct network_names *network;
	const struct log *log;
	struct netlink *rtnl, *nft;
	enum uninstall_step step;
	/* The pods that are waited for: those that are connected, else those that were
	 * disconnected and are not deleted yet. */
	struct pod_names left;
	struct pod_names_told told;
	int64_t empty_since; /* nobody is left; 0: somebody is */
	int64_t retry_at; /* not before, because something has failed */
	uint64_t error; /* of log_error_once() */
	/* With UNINSTALL_DONE: what needs the executable and its links, which are left for
	 * that reason; "": nothing is left. */
	char needed_by[PATH_MAX];
};

/* Looks who is left, and decides the step. UNINSTALL_REMOVE at once where the node has
 * neither a configuration nor records nor interfaces. */
void uninstall_look(struct uninstall *uninstall);

/* Starts what the step wants of bridge-cni in @job, which is free. */
void uninstall_start(struct uninstall *uninstall, struct job *job);

/* Takes the end of that, as job_end() gives it. @output is changed. */
void uninstall_ended(struct uninstall *uninstall, int status, char *output);

/* Does UNINSTALL_REMOVE. False: something can't be removed, or not yet, as is logged; try
 * again. The step is UNINSTALL_DONE when only the executable and its links are left. */
bool uninstall_remove(struct uninstall *uninstall);

/* Adds how far it is, in a line for people. */
void uninstall_text(const struct uninstall *uninstall, struct text *text);

#endif
