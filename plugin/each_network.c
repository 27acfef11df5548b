/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads files and stores, and runs the operation on each network in them. */
#include "each_network.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/list.h"
#include "conf/net_list.h"
#include "input.h"
#include "misnamed.h"
#include "plugin/attachment/log.h"
#include "plugin/node/plugin_file.h"
#include "plugin/verb/repair.h"
#include "plugin/verb/stored.h"
#include "policy_file.h"
#include "say.h"
#include "validate.h"

/* searched after the executable's own directory where the environment has no CNI_PATH */
#define PLUGIN_DIR "/opt/cni/bin"

#define NONE_IN_IT "no plugin of type \"" TYPE "\" is in its files (" PATTERNS ")"

void command_clear(struct command *command)
{
	report_clear(&command->report);
	free(command->unconfigured.text);
	findings_clear(&command->findings);
	show_clear(&command->show);
	doctor_clear(&command->doctor);
	trace_clear(&command->trace);
	free(command->owners.items);
	*command = (struct command){};
}

/* Begins with the findings of a file or a directory. */
static struct findings *findings_of(struct command *command, const char *file)
{
	findings_begin(&command->findings, file);
	return &command->findings;
}

static void error_print(struct command *command, const char *file,
			const struct cni_error *err)
{
	command->failed = true;
	if (command->verb == CNI_DOCTOR && !command->trace.name) {
		doctor_unread(&command->doctor, file, err->msg);
		return;
	}
	if (command->verb != CNI_VALIDATE) {
		say_error(file, err);
		return;
	}
	finding_add(findings_of(command, file), FINDING_ERROR, 0, "%s", err->msg);
}

/* Is that show may not read it no error? It says so, where nobody named the file. @ret: the
 * negative errno of @err. */
static bool is_unseen(struct command *command, const char *what, int ret,
		      const struct cni_error *err)
{
	if (command->verb != CNI_SHOW || command->named ||
	    (ret != -EACCES && ret != -EPERM))
		return false;
	show_unread(&command->show, what, err);
	return true;
}

static bool was_worked_on(const struct command *command, uint64_t owner)
{
	for (size_t i = 0; i < command->owners.n; i++)
		if (command->owners.items[i] == owner)
			return true;
	return false;
}

/* Is a network without a configuration only named? */
static bool only_notes(const struct command *command)
{
	return command->verb == CNI_REPAIR ||
	       (command->verb == CNI_DOCTOR && !command->trace.name);
}

/* Notes a network of which repair and doctor can only say that it has pods: what it needs
 * is in the configuration, which is gone. */
static int unconfigured_note(struct command *command, struct attachment *net,
			     struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list pods = {};
	int ret = operation_open(net->op, err);

	if (ret == 0)
		ret = ipam_connected(&net->ipam_env, &pods, err);
	operation_close(net->op);
	if (ret == 0 && pods.n > 0 && command->verb == CNI_DOCTOR)
		doctor_unconfigured(&command->doctor, net->network->name, pods.n);
	else if (ret == 0 && pods.n > 0)
		text_add(&command->unconfigured,
			 "network %s has %zu pod%s and no configuration, so nothing of "
			 "it is mended; put its configuration back into " CONF_DIR
			 " (`bridge-cni show %s` shows what there is, `bridge-cni "
			 "cleanup` removes what is left when the pods are gone)\n",
			 net->network->name, pods.n, pods.n == 1 ? "" : "s",
			 net->network->name);
	return ret;
}

static int task_run(struct command *command, struct attachment *net,
		    struct cni_error *err)
{
	uint64_t *owner;

	if (command->verb == CNI_SHOW) {
		command->networks += command->order.by_store;
		return show_network(&command->show, net, command->file, err);
	}
	if (command->trace.name)
		return trace_network(&command->trace, net, command->file, err);
	if (command->order.by_store && was_worked_on(command, net->owner))
		return 0;
	if (command->order.by_store && only_notes(command))
		return unconfigured_note(command, net, err);
	if (command->order.by_store)
		command->networks++;
	owner = LIST_ADD(&command->owners);
	if (!owner)
		return error_oom(err);
	*owner = net->owner;
	if (command->verb == CNI_DOCTOR)
		return doctor_network(&command->doctor, net, command->file, err);
	return command->verb == CNI_REPAIR ? verb_repair(net, err)
					   : verb_cleanup(net, &command->order, err);
}

/* Is the network only looked at, without a lock? */
static bool looks(const struct command *command)
{
	return command->verb == CNI_SHOW || command->verb == CNI_DOCTOR ||
	       (command->verb == CNI_REPAIR && command->order.by_store);
}

const char *plugin_path(struct command *command)
{
	const char *path = getenv("CNI_PATH");
	char *dirs = command->plugin_dirs, *slash;
	ssize_t len;

	if (path && *path)
		return path;
	len = readlink("/proc/self/exe", dirs, PATH_MAX);
	dirs[len > 0 && len < PATH_MAX ? len : 0] = '\0';
	slash = strrchr(dirs, '/');
	/* A path separates directories by colons: one in a name can't be told from that. */
	if (!slash || slash == dirs || strchr(dirs, ':'))
		return PLUGIN_DIR;
	*slash = '\0';
	if (strcmp(dirs, PLUGIN_DIR) != 0)
		strcpy(slash, ":" PLUGIN_DIR);
	return dirs;
}

/* host-local and loopback have no network that a command could work on. */
void types_find(struct command *command, const char *called)
{
	const char *path = plugin_path(command);
	size_t n = 0;

	command->types[n++] = TYPE;
	if (called)
		command->types[n++] = called;
	for (int i = 0; i < CNI_NAMES; i++)
		if (cni_program_called(cni_names[i]) == PROGRAM_BRIDGE &&
		    plugin_file_is_own(path, cni_names[i]))
			command->types[n++] = cni_names[i];
}

static int network_run(struct command *command, const char *text, struct cni_error *err)
{
	const struct cni_env env = {
		.verb = command->verb,
		.container_id = "",
		.netns = "",
		.ifname = "",
		.path = plugin_path(command),
	};
	_cleanup_(request_clear) struct request request = {};
	_cleanup_(operation_clear) struct operation op;
	_cleanup_(attachment_clear) struct attachment net;
	const struct cni_error *logged = err;
	uint64_t started;
	enum cni_version version;
	size_t errors;
	int ret;

	operation_init(&op, &env);
	op.report = &command->report;
	op.tell_wait = say_wait;
	op.looks = looks(command);
	ret = request_read(text, strlen(text), &env, &request, &version, &op.notices,
			   err);
	if (ret < 0 && command->verb == CNI_DOCTOR) {
		error_clear(err); /* conf_look() tells of it */
		return 0;
	}
	if (!op.looks) {
		policy_ask_log(&op, &request);
		op.is_timed = log_is_wanted(&request.network);
	}
	attachment_init(&net, &op, &request.network, &request.pod);
	started = operation_clock(&op);
	errors = op.report->errors.len;
	if (ret == 0)
		ret = task_run(command, &net, err);
	if (ret == 0 && op.report->errors.len > errors)
		logged = &op.report->last_error;
	if (!op.looks)
		log_operation(&net, started, logged, getenv("TRACEPARENT"));
	if (command->verb != CNI_DOCTOR)
		say_notices(&op.notices);
	return ret;
}

static void plugin_run(struct command *command, const char *file,
		       const struct net_list_plugin *plugin)
{
	struct cni_error err = {};

	command->networks++;
	command->file = file;
	if (network_run(command, plugin->text, &err) == 0)
		return;
	if (plugin->index >= 0)
		error_wrap(&err, "plugins[%d]", plugin->index);
	error_print(command, file, &err);
}

/* @alone: the file was named, and is not one of a directory. */
static void file_run(struct command *command, int fd, const char *file, bool alone)
{
	_cleanup_(net_list_clear) struct net_list list = {};
	_cleanup_(free_p) char *text = NULL;
	struct cni_error err = {};
	size_t len;
	int ret;

	ret = input_read(fd, file, &text, &len, &err);
	if (ret == 0)
		ret = net_list_read(text, len, command->types, &list, &err);
	if (ret < 0 && command->verb == CNI_DOCTOR)
		return; /* conf_look() tells of it */
	if (ret == 0 && command->verb == CNI_DOCTOR)
		doctor_file(&command->doctor, command->types, file, text, len, !alone,
			    list.n);
	if (ret == 0 && list.n == 0 && alone)
		ret = error_set(&err, CNI_ERR_CONFIG, ENOENT,
				"no plugin of type \"" TYPE "\" is in it");
	if (ret < 0)
		error_print(command, file, &err);
	for (size_t i = 0; i < list.n; i++)
		plugin_run(command, file, &list.items[i]);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Begins with the findings of a file. The first one may be that no runtime reads it for
 * its name. */
static void misnamed_run(struct command *command, const char *path, bool alone)
{
	struct findings *findings = command->verb == CNI_DOCTOR ? &command->doctor.conf
								: &command->findings;

	findings_begin(findings, path);
	if (command->verb == CNI_VALIDATE || command->verb == CNI_DOCTOR)
		misnamed_look(path, alone, command->types, findings);
}

static void directory_run(struct command *command, const char *directory)
{
	size_t networks = command->networks;
	bool failed = command->failed;
	struct dirent **entries = NULL;
	struct cni_error err = {};
	int n = scandir(directory, &entries, is_visible, alphasort);
	int ret = n < 0 ? error_errno(&err, CNI_ERR_IO, errno, "reading the directory")
			: 0;

	if (ret < 0 && !is_unseen(command, directory, ret, &err))
		error_print(command, directory, &err);
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (conf_name_is_read(entries[i]->d_name))
			path_run(command, path, false);
		else
			misnamed_run(command, path, false);
		free(entries[i]);
	}
	free(entries);
	if (!command->named || command->networks != networks || command->failed != failed)
		return;
	if (command->verb == CNI_VALIDATE) {
		finding_add(findings_of(command, directory), FINDING_WARNING, 0,
			    NONE_IN_IT);
	} else {
		error_set(&err, CNI_ERR_CONFIG, ENOENT, NONE_IN_IT);
		error_print(command, directory, &err);
	}
}

/* Has validate look at the file for the doctor, of whose findings validate's become a
 * part. */
static void conf_look(struct command *command, const char *path)
{
	_cleanup_(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		(void)validate_file(&command->doctor.conf, command->types, fd, false);
}

static void conf_run(struct command *command, const char *path, int fd, bool alone)
{
	misnamed_run(command, path, alone);
	if (command->verb == CNI_VALIDATE)
		command->networks += validate_file(&command->findings, command->types, fd,
						   alone);
	else
		file_run(command, fd, path, alone);
	if (command->verb == CNI_DOCTOR)
		conf_look(command, path);
}

void path_run(struct command *command, const char *path, bool alone)
{
	_cleanup_(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct cni_error err = {};
	struct stat st = {};
	int ret = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		ret = error_errno(&err, CNI_ERR_IO, errno, "opening it");
	if (ret < 0) {
		if (!is_unseen(command, path, ret, &err))
			error_print(command, path, &err);
	} else if (!S_ISDIR(st.st_mode)) {
		conf_run(command, path, fd, alone);
	} else if (alone) {
		directory_run(command, path);
	}
}

void store_run(struct command *command, const char *data_dir)
{
	_cleanup_(stored_list_clear) struct stored_list list = {};
	struct cni_error err = {};
	int ret;

	command->order.by_store = true;
	command->file = NULL;
	ret = stored_find(data_dir, looks(command), &list, &err);
	if (ret < 0 && !only_notes(command) && !is_unseen(command, data_dir, ret, &err))
		error_print(command, data_dir, &err);
	for (size_t i = 0; i < list.n; i++) {
		struct stored *stored = &list.items[i];
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", data_dir, stored->network);
		if (stored->text && network_run(command, stored->text, &stored->err) == 0)
			continue;
		if (!stored->text && command->verb == CNI_SHOW)
			show_unseen(&command->show, stored->network, &stored->err);
		else if (command->verb != CNI_REPAIR)
			error_print(command, path, &stored->err);
	}
}
