/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Uninstalling. Pods that run stay as they are: bridge, addresses, rules go only when none is
 * left; the executable stays for their DEL. */
#include "agent.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "plugin/node/node.h"
#include "plugin/node/sysctl.h"
#include "deploy/agent/node/agent_lock.h"
#include "deploy/agent/base/files.h"

#define COPY	    "cleanup.conflist" /* of the configuration, until nothing shared is left */
#define JOB_WAIT_MS 120000

static int run(const struct options *options, const struct log *log, int *ret_status,
	       struct cni_error *err)
{
	char program[PATH_MAX], sysctl[PATH_MAX];
	char *argv[] = {program, "cleanup", NODE_LOCK_DIR "/" COPY, NULL};
	_cleanup_(free_p) char *output = NULL;
	struct job job = JOB_NONE;
	struct pollfd end = {.events = POLLIN};
	size_t len;
	int r, status;

	if (snprintf(program, PATH_MAX, "%s/bridge-cni", options->bundle) >= PATH_MAX ||
	    snprintf(sysctl, PATH_MAX, SYSCTL_ROOT_ENV "=%s", options->sysctl_root) >=
		    PATH_MAX)
		return error_set(err, CNI_ERR_ENVIRONMENT, ENAMETOOLONG,
				 "a path is too long");
	r = job_start(&job, argv, (char *[]){sysctl, NULL}, "", err);
	if (r < 0)
		return r;
	end.fd = job.pidfd;
	if (poll(&end, 1, JOB_WAIT_MS) <= 0) {
		job_kill(&job);
		return error_set(err, CNI_ERR_TRY_AGAIN, ETIMEDOUT,
				 "bridge-cni cleanup takes too long");
	}
	r = job_end(&job, &status, &output, err);
	if (r < 0)
		return r;
	len = strlen(output);
	if (len && output[len - 1] == '\n')
		output[len - 1] = '\0';
	log_write(log, status ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "bridge-cni cleanup",
		  "output", output, NULL);
	*ret_status = status;
	return 0;
}

/* The runtime's; else the one of a cleanup that found pods. One that can't be read has nothing
 * to clean up after. */
static void load(const struct options *options, struct conflist *ret_list)
{
	struct options kept = *options;
	struct cni_error ignored = {};

	kept.conf_dir = NODE_LOCK_DIR;
	kept.conflist = COPY;
	if (conflist_load(options, ret_list, &ignored) == 0)
		return;
	error_clear(&ignored);
	(void)conflist_load(&kept, ret_list, &ignored);
}

int agent_cleanup(const struct options *options, const struct log *log,
		  struct cni_error *err)
{
	_cleanup_(conflist_clear) struct conflist list = {};
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	_cleanup_(close_p) int claim = -1;
	struct cni_error ignored = {};
	size_t removed = 0;
	char text[24];
	int status = 1;
	int r = claim_wrest(&claim, err);

	if (r < 0)
		return r;
	load(options, &list);
	r = file_remove(options->conf_dir, options->conflist, err);
	if (r < 0)
		return r;
	log_write(log, LOG_LEVEL_INFO,
		  r ? "configuration removed" : "there was no configuration", "file",
		  options->conflist, NULL);
	r = netlink_open(NETLINK_FOR_ROUTE, &nl, err);
	if (r == 0)
		r = routes_remove(nl, &removed, err);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%zu", removed);
	log_write(log, LOG_LEVEL_INFO, "routes removed", "n", text, NULL);
	if (!list.text)
		return 0;
	r = file_replace(NODE_LOCK_DIR, COPY, list.text, err);
	if (r == 0)
		r = run(options, log, &status, err);
	if (r == 0 && status == 0)
		(void)file_remove(NODE_LOCK_DIR, COPY, &ignored);
	return r;
}
