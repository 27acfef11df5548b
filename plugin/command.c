/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the files that the arguments name, or those of the runtime's directory; runs an
 * operation on each network in them, and prints what came of it. An error doesn't keep
 * the next network from being worked on.
 */
#include "command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/net_list.h"
#include "plugin/verb/cleanup.h"
#include "input.h"
#include "plugin/attachment/log.h"
#include "plugin/verb/repair.h"
#include "plugin/attachment/report.h"
#include "policy_file.h"
#include "say.h"

#define CONF_DIR "/etc/cni/net.d"
#define PATTERNS "*.conflist, *.conf, *.json"
#define TYPE	 "bridge-cni"
/* used where the caller's environment has no CNI_PATH */
#define PLUGIN_DIRS "/opt/cni/bin"

static const char about[] =
	"bridge-cni " BRIDGE_CNI_VERSION
	": a CNI plugin that connects containers to a bridge of their node.\n"
	"It is called by a container runtime, with CNI_* variables in its environment and\n"
	"a network configuration on its standard input (https://www.cni.dev).\n";

static const char usage[] =
	"\n"
	"Put it into the runtime's plugin directory (mostly /opt/cni/bin) and name it as\n"
	"\"type\" in a configuration in /etc/cni/net.d. By hand:\n"
	"\n"
	"  CNI_COMMAND=VERSION bridge-cni </dev/null\n"
	"  CNI_COMMAND=ADD CNI_CONTAINERID=test1 CNI_NETNS=/run/netns/test1 CNI_IFNAME=eth0 \\\n"
	"      CNI_PATH=/opt/cni/bin bridge-cni <network.json\n"
	"\n"
	"Under the name host-local (a link to it) it is the IPAM plugin of that name.\n"
	"\n"
	"  bridge-cni repair [FILE...]             puts back what was flushed or deleted under\n"
	"                                          running pods: rules, bridge, ports\n"
	"  bridge-cni cleanup [--force] [FILE...]  removes what pods share, when none is left;\n"
	"                                          --force: the pods' interfaces, too\n"
	"  bridge-cni --help                       this text\n"
	"  bridge-cni --version                    the version of bridge-cni\n"
	"\n"
	"FILE is a configuration, or a directory of them; without one, " CONF_DIR ".\n";

/* The commands, which do something with each network. */
static const struct task {
	const char *name, *option; /* option: that the command has to have; NULL: none */
	enum cni_verb verb;
	int (*run)(struct attachment *net, struct cni_error *err);
	const char *nothing; /* printed when nothing was done */
} tasks[] = {
	{"repair", NULL, CNI_REPAIR, verb_repair, "nothing to mend"},
	{"cleanup", "--force", CNI_CLEANUP, verb_cleanup_force, "nothing to remove"},
	{"cleanup", NULL, CNI_CLEANUP, verb_cleanup, "nothing to remove"},
};

/* One run of a command. */
struct command {
	const struct task *task;
	const char *called; /* the executable's name, which may be another */
	struct report report;
	bool named; /* FILEs are named; each has to have a network of this plugin */
	size_t networks;
	bool failed;
};

static void error_print(struct command *command, const char *file,
			const struct cni_error *err)
{
	say_error(file, err);
	command->failed = true;
}

static int network_run(struct command *command, const char *text, struct cni_error *err)
{
	const char *path = getenv("CNI_PATH");
	const struct cni_env env = {
		.verb = command->task->verb,
		.container_id = "",
		.netns = "",
		.ifname = "",
		.path = path && *path ? path : PLUGIN_DIRS,
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
	ret = request_read(text, strlen(text), &env, &request, &version, &op.notices,
			   err);
	policy_ask_log(&op, &request);
	op.is_timed = log_is_wanted(&request.network);
	attachment_init(&net, &op, &request.network, &request.pod);
	started = operation_clock(&op);
	errors = op.report->errors.len;
	if (ret == 0)
		ret = command->task->run(&net, err);
	if (ret == 0 && op.report->errors.len > errors)
		logged = &op.report->last_error;
	log_operation(&net, started, logged, getenv("TRACEPARENT"));
	say_notices(&op.notices);
	return ret;
}

static void plugin_run(struct command *command, const char *file,
		       const struct net_list_plugin *plugin)
{
	struct cni_error err = {};

	command->networks++;
	if (network_run(command, plugin->text, &err) == 0)
		return;
	if (plugin->index >= 0)
		error_wrap(&err, "plugins[%d]", plugin->index);
	error_print(command, file, &err);
}

/* @alone: the file was named, and is not one of a directory. */
static void file_run(struct command *command, int fd, const char *file, bool alone)
{
	const char *const types[] = {TYPE, command->called, NULL};
	_cleanup_(net_list_clear) struct net_list list = {};
	_cleanup_(free_p) char *text = NULL;
	struct cni_error err = {};
	size_t len;
	int ret;

	ret = input_read(fd, file, &text, &len, &err);
	if (ret == 0)
		ret = net_list_read(text, len, types, &list, &err);
	if (ret == 0 && list.n == 0 && alone)
		ret = error_set(&err, CNI_ERR_CONFIG, ENOENT,
				"no plugin of type \"" TYPE "\" is in it");
	if (ret < 0)
		error_print(command, file, &err);
	for (size_t i = 0; i < list.n; i++)
		plugin_run(command, file, &list.items[i]);
}

static int is_configuration(const struct dirent *entry)
{
	const char *suffix = strrchr(entry->d_name, '.');

	return suffix && entry->d_name[0] != '.' &&
	       (strcmp(suffix, ".conflist") == 0 || strcmp(suffix, ".conf") == 0 ||
		strcmp(suffix, ".json") == 0);
}

static void path_run(struct command *command, const char *path, bool alone);

static void directory_run(struct command *command, const char *directory)
{
	size_t networks = command->networks;
	bool failed = command->failed;
	struct dirent **entries = NULL;
	struct cni_error err = {};
	int n = scandir(directory, &entries, is_configuration, alphasort);

	if (n < 0) {
		error_errno(&err, CNI_ERR_IO, errno, "reading the directory");
		error_print(command, directory, &err);
	}
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		path_run(command, path, false);
		free(entries[i]);
	}
	free(entries);
	if (command->named && command->networks == networks &&
	    command->failed == failed) {
		error_set(&err, CNI_ERR_CONFIG, ENOENT,
			  "no plugin of type \"" TYPE "\" is in its files (" PATTERNS
			  ")");
		error_print(command, directory, &err);
	}
}

/* Works on a file, or on those files of a directory that a runtime would read. */
static void path_run(struct command *command, const char *path, bool alone)
{
	_cleanup_(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct cni_error err = {};
	struct stat st = {};

	if (fd < 0 || fstat(fd, &st) < 0) {
		error_errno(&err, CNI_ERR_IO, errno, "opening it");
		error_print(command, path, &err);
	} else if (!S_ISDIR(st.st_mode)) {
		file_run(command, fd, path, alone);
	} else if (alone) {
		directory_run(command, path);
	}
}

/* Says that there is no network. That is no error, as a node may have none. But things
 * that a network without a configuration has left are found by nobody. */
static void none_print(const struct task *task)
{
	if (access(CONF_DIR, F_OK) == 0)
		puts("no plugin of type \"" TYPE "\" is in the files (" PATTERNS
		     ") of " CONF_DIR);
	else
		puts("no plugin of type \"" TYPE "\": there is no " CONF_DIR
		     "; name a FILE to look elsewhere");
	if (task->verb == CNI_CLEANUP)
		puts("a network's bridge, rules and files are found by its configuration "
		     "alone: where that is gone, name a FILE that has the same \"name\", "
		     "\"bridge\", \"ipam.type\" and \"ipam.dataDir\", and the type \"" TYPE
		     "\"");
}

static int command_report(struct command *command)
{
	struct report *report = &command->report;

	if (report->done.text)
		fputs(report->done.text, stdout);
	else if (command->networks == 0 && !command->failed)
		none_print(command->task);
	else if (!command->failed && !report->errors.text)
		puts(command->task->nothing);
	if (report->errors.text)
		fprintf(stderr, "%s", report->errors.text);
	if (report->out_of_memory)
		say("out of memory: lines are missing");
	command->failed = command->failed || report->errors.text || report->out_of_memory;
	if (command->failed && geteuid() != 0)
		say("run it as root");
	/* ferror() tells of a write that failed before, and left nothing to flush. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		say("writing to standard output: %s", strerror(errno));
		command->failed = true;
	}
	report_clear(report);
	return command->failed ? 1 : 0;
}

static int refuse(const char *argument)
{
	say("unknown argument \"%s\", or in the wrong place", argument);
	fputs(usage, stderr);
	return 2;
}

static int files_run(struct command *command, char **files)
{
	/* An option behind a file is refused, as it would have no effect on the files in
	 * front of it. */
	for (char **file = files; *file; file++)
		if (**file == '-')
			return refuse(*file);
	command->named = *files;
	if (!command->named && access(CONF_DIR, F_OK) == 0)
		path_run(command, CONF_DIR, true);
	for (; *files; files++)
		path_run(command, *files, true);
	return command_report(command);
}

static bool is_help(const char *argument)
{
	return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

static int help_print(void)
{
	printf("%s%s", about, usage);
	return 0;
}

static int networks_run(const char *called, char **arguments)
{
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
		const struct task *task = &tasks[i];
		struct command command = {.task = task, .called = called};
		char **files = arguments + 1;

		if (strcmp(arguments[0], task->name) != 0)
			continue;
		for (char **file = files; *file; file++)
			if (is_help(*file))
				return help_print();
		if (task->option && (!*files || strcmp(*files++, task->option) != 0))
			continue;
		return files_run(&command, files);
	}
	return refuse(arguments[0]);
}

int command_run(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;

	if (argc < 2) {
		fprintf(stderr, "%s%s", about, usage);
		return 0;
	}
	if (argv[1][0] != '-')
		return networks_run(slash ? slash + 1 : argv[0], argv + 1);
	if (argc > 2)
		return refuse(argv[2]);
	if (strcmp(argv[1], "--version") == 0)
		puts("bridge-cni " BRIDGE_CNI_VERSION);
	else if (is_help(argv[1]))
		return help_print();
	else
		return refuse(argv[1]);
	return 0;
}
