/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `bridge-cni cleanup` needs the configuration list, which is removed before, so that no
 * runtime adds pods meanwhile. A copy of it stays until nothing shared is left: a later
 * cleanup, after the last pod has ended, works from that copy.
 */
#include "cleanup.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "deploy/agent/base/files.h"
#include "deploy/agent/node/agent_lock.h"
#include "deploy/agent/node/conflist.h"
#include "deploy/agent/node/plugin_job.h"
#include "deploy/agent/node/routes.h"
#include "plugin/node/node.h"

#define COPY_DIR    NODE_LOCK_DIR
#define COPY_NAME   "cleanup.conflist"
#define JOB_WAIT_MS 120000

/* Runs `bridge-cni cleanup` and logs what it has said. */
static int plugin_cleanup(const struct options *options, const struct log *log,
			  int *ret_status, struct cni_error *err)
{
	_cleanup_(free_p) char *output = NULL;
	struct job job = JOB_NONE;
	struct pollfd end = {.events = POLLIN};
	size_t len;
	int status;
	int ret = plugin_job_start(&job, options, "cleanup", COPY_DIR, COPY_NAME, err);

	if (ret < 0)
		return ret;
	end.fd = job.pidfd;
	if (poll(&end, 1, JOB_WAIT_MS) <= 0) {
		job_kill(&job);
		return error_set(err, CNI_ERR_TRY_AGAIN, ETIMEDOUT,
				 "bridge-cni cleanup takes too long");
	}
	ret = job_end(&job, &status, &output, err);
	if (ret < 0)
		return ret;
	len = strlen(output);
	if (len && output[len - 1] == '\n')
		output[len - 1] = '\0';
	log_write(log, status ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "bridge-cni cleanup",
		  "output", output, NULL);
	*ret_status = status;
	return 0;
}

/* Reads the runtime's list; else the copy of a cleanup that has found pods. Where neither
 * can be read, @ret_list stays empty: there is nothing to clean up after. */
static void load_conflist(const struct options *options, struct conflist *ret_list)
{
	if (conflist_load(options->conf_dir, options->conflist, ret_list, NULL) != 0)
		(void)conflist_load(COPY_DIR, COPY_NAME, ret_list, NULL);
}

static int remove_routes(const struct log *log, struct cni_error *err)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	size_t removed = 0;
	char text[24];
	int ret = netlink_open(NETLINK_FOR_ROUTE, &nl, err);

	if (ret == 0)
		ret = routes_remove(nl, &removed, err);
	if (ret < 0)
		return ret;
	snprintf(text, sizeof(text), "%zu", removed);
	log_write(log, LOG_LEVEL_INFO, "routes removed", "n", text, NULL);
	return 0;
}

int agent_cleanup(const struct options *options, const struct log *log,
		  struct cni_error *err)
{
	_cleanup_(conflist_clear) struct conflist list = {};
	_cleanup_(close_p) int lock_fd = -1;
	int status = 1;
	int ret = agent_lock_take_over(&lock_fd, err);

	if (ret < 0)
		return ret;
	load_conflist(options, &list);
	ret = file_remove(options->conf_dir, options->conflist, err);
	if (ret < 0)
		return ret;
	log_write(log, LOG_LEVEL_INFO,
		  ret == FILE_REMOVED ? "configuration removed"
				      : "there was no configuration",
		  "file", options->conflist, NULL);
	ret = remove_routes(log, err);
	if (ret < 0 || !list.text)
		return ret;
	ret = file_replace(COPY_DIR, COPY_NAME, list.text, err);
	if (ret == 0)
		ret = plugin_cleanup(options, log, &status, err);
	if (ret == 0 && status == 0)
		(void)file_remove(COPY_DIR, COPY_NAME, NULL);
	return ret;
}
