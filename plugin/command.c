/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the arguments, has each network that they mean worked on, and prints what came of
 * it. */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "each_network.h"
#include "say.h"

#define DATA_DIR_OPTION "--data-dir"

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
	"  bridge-cni cleanup [--force] --data-dir DIR\n"
	"                                          the same, for the networks of the store in\n"
	"                                          DIR and no others\n"
	"  bridge-cni --help                       this text\n"
	"  bridge-cni --version                    the version of bridge-cni\n"
	"\n"
	"FILE is a configuration, or a directory of them; without one, " CONF_DIR ".\n"
	"Without one cleanup also finds networks whose configuration is gone, in the stores\n" STORES
	".\n";

/* The commands, which do something with each network. */
static const struct task {
	const char *name;
	enum cni_verb verb;
	const char *nothing; /* printed when nothing was done */
} tasks[] = {
	{"repair", CNI_REPAIR, "nothing to mend"},
	{"cleanup", CNI_CLEANUP, "nothing to remove"},
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
	/* ferror() tells of a write that failed before, and left nothing to flush. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		say("writing to standard output: %s", strerror(errno));
		command->failed = true;
	}
	return command->failed ? 1 : 0;
}

static int refuse(const char *argument)
{
	if (strcmp(argument, DATA_DIR_OPTION) == 0)
		say(DATA_DIR_OPTION
		    " goes with cleanup, once, with an absolute path behind it and "
		    "without a FILE");
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
	if (command->verb != CNI_CLEANUP)
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

/* Reads the options of cleanup, each at most once. Returns what follows them. */
static char **options_read(struct command *command, char **arguments)
{
	for (; *arguments; arguments++) {
		if (strcmp(*arguments, "--force") == 0 && !command->order.force)
			command->order.force = true;
		else if (strcmp(*arguments, DATA_DIR_OPTION) == 0 && !command->data_dir &&
			 arguments[1] && arguments[1][0] == '/')
			command->data_dir = *++arguments;
		else
			break;
	}
	return arguments;
}

static int networks_run(const char *called, char **arguments)
{
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
		_cleanup_(command_clear) struct command command = {
			.verb = tasks[i].verb,
			.called = called,
		};
		char **files = arguments + 1;
		int ret;

		if (strcmp(arguments[0], tasks[i].name) != 0)
			continue;
		for (char **file = files; *file; file++)
			if (is_help(*file))
				return help_print();
		if (command.verb == CNI_CLEANUP)
			files = options_read(&command, files);
		ret = files_run(&command, files);
		return ret ? ret : command_report(&command, tasks[i].nothing);
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
