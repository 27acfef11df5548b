/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs of bridge-cni, of the bundle that the agent has, as a job. The child gets nothing
 * of the agent's environment.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_PLUGIN_JOB_H
#define BRIDGE_CNI_AGENT_NODE_PLUGIN_JOB_H

#include "deploy/agent/base/job.h"
#include "deploy/agent/base/options.h"

/*
 * Starts `bridge-cni COMMAND [FLAG] DIR/NAME`, where COMMAND is "repair" or "cleanup",
 * FLAG NULL or "--force", and DIR/NAME a configuration list. The child is told where it
 * may write kernel parameters. Codes 4: a path is too long; 5.
 */
int plugin_job_start(struct job *job, const struct options *options, const char *command,
		     const char *flag, const char *dir, const char *name,
		     struct cni_error *err);

/*
 * Starts bridge-cni's DEL of an attachment, whose namespace is not given. @plugin: the
 * plugin's configuration, as a runtime hands it over. Codes 5, 100.
 */
int plugin_job_start_del(struct job *job, const struct options *options,
			 const char *plugin, const char *container_id, const char *ifname,
			 struct cni_error *err);

#endif
