/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the arguments, has each network or link that they mean worked on, and prints what
 * came of it. */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "each_network.h"
#include "name_links.h"
#include "say.h"
#include "show_prepare.h"
#include "validate.h"

#define DATA_DIR_OPTION "--data-dir"
#define FORCE_OPTION	"--force"
#define JSON_OPTION	"--json"
#define LOAD_OPTION	"--load"
#define BIN_DIR_OPTION	"--bin-dir"
#define BIN_DIR		"/opt/cni/bin"

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
	"Under the names host-local and loopback it is the plugin of that name.\n"
	"\n"
	"  bridge-cni repair [FILE...]             puts back what was flushed or deleted under\n"
	"                                          running pods: rules, bridge, ports\n"
	"  bridge-cni cleanup [--force] [FILE...]  removes what pods share, when none is left;\n"
	"                                          --force: the pods' interfaces, too\n"
	"  bridge-cni cleanup [--force] --data-dir DIR\n"
	"                                          the same, for the networks of the store in\n"
	"                                          DIR and no others\n"
	"  bridge-cni show [NAME...] [--json] [FILE...]\n"
	"                                          what there is, in all or by a NAME\n"
	"  bridge-cni validate [--json] [FILE...]  says what is wrong with configurations\n"
	"  bridge-cni doctor [--json] [--load] [FILE...]\n"
	"                                          says whether pods will work here\n"
	"  bridge-cni links [--bin-dir DIR] [NAME...]\n"
	"                                          makes links of these names, and bridge, in\n"
	"                                          DIR or " BIN_DIR "\n"
	"  bridge-cni --help                       this text\n"
	"  bridge-cni --version                    the version of bridge-cni\n"
	"\n"
	"FILE is a configuration, or a directory of them; without one, " CONF_DIR ".\n"
	"Without one cleanup and show also find networks whose configuration is gone, in the\n"
	"stores " STORES ".\n";

static const struct command_option no_options[] = {{}};
static const struct command_option cleanup_options[] = {
	{FORCE_OPTION, NULL, "removes the pods' interfaces, too"},
	{DATA_DIR_OPTION, "DIR", "the networks of this store alone"},
	{},
};
static const struct command_option show_options[] = {
	{JSON_OPTION, NULL, "prints it as JSON"},
	{},
};
static const struct command_option validate_options[] = {
	{JSON_OPTION, NULL, "prints the findings as JSON"},
	{},
};

static const struct command_option doctor_options[] = {
	{JSON_OPTION, NULL, "prints the findings as JSON"},
	{LOAD_OPTION, NULL, "has the kernel load modules for what is tried"},
	{},
};
static const struct command_option links_options[] = {
	{BIN_DIR_OPTION, "DIR", "the plugin directory"},
	{},
};
static int links_run(char **arguments);

const struct command_task command_tasks[] = {
	{"repair", CNI_REPAIR, "puts back what was flushed or deleted under running pods",
	 "nothing to mend", no_options, NULL, NULL},
	{"cleanup", CNI_CLEANUP, "removes what pods share, when none is left",
	 "nothing to remove", cleanup_options, NULL, NULL},
	{"show", CNI_SHOW, "says what there is of the networks", NULL, show_options, NULL,
	 NULL},
	{"validate", CNI_VALIDATE, "says what is wrong with configurations", NULL,
	 validate_options, NULL, NULL},
	{"doctor", CNI_DOCTOR, "says whether pods will work here", NULL, doctor_options,
	 NULL, NULL},
	{.name = "links",
	 .about = "makes links by which it is other plugins",
	 .options = links_options,
	 .run = links_run,
	 .names = cni_program_names},
	{},
};

const struct command_option command_options[] = {
	{"--help", NULL, "says how to call it"},
	{"--version", NULL, "says which version it is"},
	{},
};

/* Says that there is no network. That is no error, as a node may have none. */
static void none_print(const struct command *command)
{
	if (command->data_dir) {
		printf("no network of bridge-cni is in the store %s\n",
		       command->data_dir);
		return;
	}
	if (access(CONF_DIR, F_OK) == 0)
		puts("no plugin of type \"" TYPE "\" is in the files (" PATTERNS
		     ") of " CONF_DIR);
	else
		puts("no plugin of type \"" TYPE "\": there is no " CONF_DIR
		     "; name a FILE to look elsewhere");
	if (command->verb == CNI_CLEANUP)
		puts("no network of bridge-cni is in the stores " STORES
		     "; name another ipam.dataDir by --data-dir DIR");
}

/* -EIO: what was printed is not all there, which is said. */
static int output_end(void)
{
	/* ferror() tells of a write that failed before, and left nothing to flush. */
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	say("writing to standard output: %s", strerror(errno));
	return -EIO;
}

static int command_report(struct command *command, const char *nothing)
{
	struct report *report = &command->report;

	if (report->done.text)
		fputs(report->done.text, stdout);
	else if (command->networks == 0 && !command->failed)
		none_print(command);
	else if (!command->failed && !report->errors.text)
		puts(nothing);
	if (report->errors.text)
		fprintf(stderr, "%s", report->errors.text);
	if (report->out_of_memory)
		say("out of memory: lines are missing");
	command->failed = command->failed || report->errors.text || report->out_of_memory;
	if (command->failed && geteuid() != 0)
		say("run it as root");
	return output_end() < 0 || command->failed ? 1 : 0;
}

/* A node without a network is shown as such. */
static int show_report(struct command *command)
{
	struct cni_error err = {};

	const char *unfound = show_unfound(&command->show);

	if (command->networks == 0 && !command->failed && !command->show.json)
		none_print(command);
	if (unfound) {
		say("nothing of bridge-cni here is named \"%s\"; a FILE begins with / or .",
		    unfound);
		command->failed = true;
	}
	if (show_end(&command->show, &err) < 0) {
		say_error(NULL, &err);
		command->failed = true;
	}
	return output_end() < 0 || command->failed ? 1 : 0;
}

/* No FILE has anything to read where none is named and the directory is missing or empty. */
static int findings_report(const struct command *command)
{
	int status = validate_print(&command->findings, command->as_json);

	if (!command->named && command->networks == 0 && command->findings.n == 0)
		say("nothing was read: no plugin of type \"" TYPE "\" is in " CONF_DIR
		    "; name a FILE to look elsewhere");
	if (command->findings.out_of_memory) {
		say("out of memory: findings are missing");
		status = VALIDATE_ERRORS;
	}
	return output_end() < 0 ? VALIDATE_ERRORS : status;
}

static int doctor_report(struct command *command)
{
	int status = doctor_end(&command->doctor, command->as_json);

	if (command->doctor.out_of_memory) {
		say("out of memory: findings are missing");
		status = DOCTOR_PROBLEM;
	}
	return output_end() < 0 ? DOCTOR_PROBLEM : status;
}

static int refuse(const char *argument)
{
	if (strcmp(argument, DATA_DIR_OPTION) == 0)
		say(DATA_DIR_OPTION
		    " goes with cleanup, once, with an absolute path behind it and "
		    "without a FILE");
	else if (strcmp(argument, BIN_DIR_OPTION) == 0)
		say(BIN_DIR_OPTION
		    " goes with links, once, in front of the NAMEs and with an absolute "
		    "path behind it");
	else
		say("unknown argument \"%s\", or in the wrong place", argument);
	fputs(usage, stderr);
	return 2;
}

/* Works on the store that is named, or on all networks that may be found without a
 * FILE. */
static void node_run(struct command *command)
{
	if (command->data_dir) {
		store_run(command, command->data_dir);
		return;
	}
	if (access(CONF_DIR, F_OK) == 0)
		path_run(command, CONF_DIR, true);
	if (command->verb != CNI_CLEANUP && command->verb != CNI_SHOW)
		return;
	store_run(command, DEFAULT_DATA_DIR);
	store_run(command, RUN_DATA_DIR);
}

static int files_run(struct command *command, char **files)
{
	/* An option behind a FILE is refused, as it would have no effect on the FILEs in
	 * front of it. */
	for (char **file = files; *file; file++)
		if (**file == '-' || command->data_dir)
			return refuse(**file == '-' ? *file : DATA_DIR_OPTION);
	command->named = *files;
	if (!command->named)
		node_run(command);
	for (; *files; files++)
		path_run(command, *files, true);
	return 0;
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

static bool has_option(const struct command_task *task, const char *name)
{
	for (const struct command_option *option = task->options; option->name; option++)
		if (strcmp(option->name, name) == 0)
			return true;
	return false;
}

/* Reads the options of a command, each at most once. Returns what follows them. */
static char **options_read(struct command *command, const struct command_task *task,
			   char **arguments)
{
	for (; *arguments && has_option(task, *arguments); arguments++) {
		if (strcmp(*arguments, FORCE_OPTION) == 0 && !command->order.force)
			command->order.force = true;
		else if (strcmp(*arguments, JSON_OPTION) == 0 && !command->as_json)
			command->as_json = true;
		else if (strcmp(*arguments, LOAD_OPTION) == 0 && !command->doctor.load)
			command->doctor.load = true;
		else if (strcmp(*arguments, DATA_DIR_OPTION) == 0 && !command->data_dir &&
			 arguments[1] && arguments[1][0] == '/')
			command->data_dir = *++arguments;
		else
			break;
	}
	return arguments;
}

static int task_run(const struct command_task *task, const char *called, char **arguments)
{
	_cleanup_(command_clear) struct command command = {
		.verb = task->verb,
		.called = called,
	};
	int ret = 0;

	for (char **argument = arguments; *argument; argument++)
		if (is_help(*argument))
			return help_print();
	if (task->run)
		return task->run(arguments);
	if (task->verb == CNI_DOCTOR)
		doctor_begin(&command.doctor, plugin_path());
	if (task->verb == CNI_SHOW)
		ret = show_prepare(&command.show, arguments, JSON_OPTION);
	else
		arguments = options_read(&command, task, arguments);
	if (ret == 0)
		ret = files_run(&command, arguments);
	if (ret)
		return ret;
	if (task->verb == CNI_SHOW)
		return show_report(&command);
	if (task->verb == CNI_VALIDATE)
		return findings_report(&command);
	if (task->verb == CNI_DOCTOR)
		return doctor_report(&command);
	return command_report(&command, task->nothing);
}

/* Returns whether the executable has the name now. */
static bool link_run(const char *dir, enum cni_program program)
{
	const char *name = cni_program_names[program];
	struct cni_error err = {};
	int ret = name_link_make(dir, program, &err);

	if (ret < 0)
		say_error(NULL, &err);
	else if (ret == NAME_LINK_TAKEN)
		say("%s/%s is somebody else's, and is left alone", dir, name);
	else
		printf("%s/%s: %s\n", dir, name,
		       ret == NAME_LINK_DONE ? "made" : "there already");
	return ret >= 0 && ret != NAME_LINK_TAKEN;
}

static int links_run(char **arguments)
{
	bool asked[PROGRAMS] = {}, failed = false;
	const char *dir = BIN_DIR;

	if (*arguments && strcmp(*arguments, BIN_DIR_OPTION) == 0) {
		if (!arguments[1] || arguments[1][0] != '/')
			return refuse(*arguments);
		dir = arguments[1];
		arguments += 2;
	}
	for (int i = 0; !*arguments && i < PROGRAMS; i++)
		asked[i] = true;
	for (; *arguments; arguments++) {
		enum cni_program program;

		if (!name_link_find(*arguments, strlen(*arguments), &program))
			return refuse(*arguments);
		asked[program] = true;
	}
	for (int i = 0; i < PROGRAMS; i++)
		failed |= asked[i] && !link_run(dir, i);
	return output_end() < 0 || failed ? 1 : 0;
}

static int networks_run(const char *called, char **arguments)
{
	const struct command_task *task = command_tasks;

	for (; task->name; task++)
		if (strcmp(arguments[0], task->name) == 0)
			return task_run(task, called, arguments + 1);
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
