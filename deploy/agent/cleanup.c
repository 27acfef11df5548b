/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does in turn what the agent's loop does beside other work. */
#include "cleanup.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "deploy/agent/base/files.h"
#include "deploy/agent/node/agent_lock.h"
#include "deploy/agent/node/conflist.h"
#include "deploy/agent/node/uninstall.h"

#define JOB_WAIT_MS 120000

static int refuse(const struct uninstall *uninstall, struct cni_error *err)
{
	struct text names = {};
	int ret;

	pod_names_text(&uninstall->left, &names);
	ret = error_set(
		err, CNI_ERR_EXISTS, EBUSY,
		"pods are connected: %s; nothing was changed: delete them, or have "
		"--uninstall drain wait for that, or --uninstall now disconnect them",
		names.text && !names.failed ? names.text : "");
	free(names.text);
	return ret;
}

/* Loads the configuration. Where it is missing or can't be read, one is made that serves
 * the DEL of pods that are left. */
static int load(const struct options *options, struct conflist *list,
		struct cni_error *err)
{
	int ret = conflist_load(options->conf_dir, options->conflist, list, NULL);

	if (ret == 0)
		return conflist_drain(list, err);
	ret = network_names_set(&list->names, options->network, options->bridge,
				options->data_dir, err);
	if (ret < 0)
		return ret;
	list->text = conflist_drained(options, &list->names);
	return list->text ? 0 : error_oom(err);
}

static int wait_for_job(struct uninstall *uninstall, struct job *job,
			struct cni_error *err)
{
	_cleanup_(free_p) char *output = NULL;
	struct pollfd end = {.fd = job->pidfd, .events = POLLIN};
	int status;
	int ret;

	if (poll(&end, 1, JOB_WAIT_MS) <= 0) {
		job_kill(job);
		return error_set(err, CNI_ERR_TRY_AGAIN, ETIMEDOUT,
				 "bridge-cni cleanup takes too long");
	}
	ret = job_end(job, &status, &output, err);
	if (ret < 0)
		return ret;
	uninstall_ended(uninstall, status, output);
	if (status && !uninstall->options->uninstall)
		return error_set(err, CNI_ERR_TRY_AGAIN, EBUSY,
				 "bridge-cni cleanup has failed, see above");
	return 0;
}

/* Without --uninstall an error ends it, instead of being tried again. */
static int look(struct uninstall *uninstall, struct cni_error *err)
{
	uninstall_look(uninstall);
	if (uninstall->options->uninstall || !uninstall->error)
		return 0;
	return error_set(err, CNI_ERR_TRY_AGAIN, EBUSY,
			 "whether pods are connected can't be told, see above");
}

static int until_removed(struct uninstall *uninstall, struct cni_error *err)
{
	const struct timespec second = {.tv_sec = 1};
	struct job job = JOB_NONE;
	int ret = 0;

	while (ret == 0 && uninstall->step != UNINSTALL_REMOVE) {
		uninstall_start(uninstall, &job);
		if (job.pid) {
			ret = wait_for_job(uninstall, &job, err);
		} else {
			nanosleep(&second, NULL);
			ret = look(uninstall, err);
		}
	}
	while (ret == 0 && !uninstall_remove(uninstall) &&
	       uninstall->step != UNINSTALL_DONE)
		nanosleep(&second, NULL);
	return ret;
}

int agent_cleanup(const struct options *options, const struct log *log,
		  struct cni_error *err)
{
	_cleanup_(netlink_closep) struct netlink *rtnl = NULL, *nft = NULL;
	_cleanup_(conflist_clear) struct conflist list = {};
	_cleanup_(close_p) int lock_fd = -1;
	struct uninstall uninstall = {
		.options = options,
		.network = &list.names,
		.log = log,
	};
	int ret = netlink_open(NETLINK_FOR_ROUTE, &rtnl, err);

	if (ret == 0)
		ret = netlink_open(NETLINK_FOR_NFTABLES, &nft, err);
	if (ret == 0)
		ret = load(options, &list, err);
	if (ret < 0)
		return ret;
	uninstall.rtnl = rtnl;
	uninstall.nft = nft;
	ret = look(&uninstall, err);
	if (ret < 0)
		return ret;
	if (uninstall.left.n && !options->uninstall)
		return refuse(&uninstall, err);
	ret = agent_lock_take_over(&lock_fd, err);
	/* From now on the runtime adds no new pods. */
	if (ret == 0 && uninstall.step != UNINSTALL_REMOVE)
		ret = file_replace(options->conf_dir, options->conflist, list.text, err);
	return ret < 0 ? ret : until_removed(&uninstall, err);
}
