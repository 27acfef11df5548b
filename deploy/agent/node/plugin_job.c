/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments and the environment that bridge-cni is started with. */
#include "plugin_job.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "plugin/node/sysctl.h"

int plugin_job_start(struct job *job, const struct options *options, const char *command,
		     const char *flag, const char *dir, const char *name,
		     struct cni_error *err)
{
	char program[PATH_MAX], conflist[PATH_MAX], sysctl[PATH_MAX];

	if (snprintf(program, PATH_MAX, "%s/bridge-cni", options->bundle) >= PATH_MAX ||
	    snprintf(conflist, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX ||
	    snprintf(sysctl, PATH_MAX, SYSCTL_ROOT_ENV "=%s", options->sysctl_root) >=
		    PATH_MAX)
		return error_set(err, CNI_ERR_ENVIRONMENT, ENAMETOOLONG,
				 "a path is too long");
	return job_start(job,
			 (char *[]){program, (char *)command,
				    flag ? (char *)flag : conflist,
				    flag ? conflist : NULL, NULL},
			 (char *[]){sysctl, NULL}, "", err);
}

int plugin_job_start_del(struct job *job, const struct options *options,
			 const char *plugin, const char *container_id, const char *ifname,
			 struct cni_error *err)
{
	_cleanup_(free_p) char *program = NULL, *id = NULL, *interface = NULL,
			       *path = NULL;

	if (asprintf(&program, "%s/bridge-cni", options->bundle) < 0)
		program = NULL;
	if (asprintf(&id, "CNI_CONTAINERID=%s", container_id) < 0)
		id = NULL;
	if (asprintf(&interface, "CNI_IFNAME=%s", ifname) < 0)
		interface = NULL;
	if (asprintf(&path, "CNI_PATH=%s", options->bundle) < 0)
		path = NULL;
	if (!program || !id || !interface || !path)
		return error_oom(err);
	return job_start(job, (char *[]){program, NULL},
			 (char *[]){"CNI_COMMAND=DEL", id, interface, path, NULL}, plugin,
			 err);
}
