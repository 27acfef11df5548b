/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the command that the arguments name, and prints what came of it. */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command_arguments.h"
#include "command_help.h"
#include "each_network.h"
#include "say.h"
#include "plugin/trace/target.h"
#include "plugin/trace/trace.h"
#include "show_prepare.h"
#include "validate.h"

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

/* Writes out what was printed. -EIO: a part of it is missing, which was said. */
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
	if (command->unconfigured.text)
		fputs(command->unconfigured.text, stdout);
	if (report->errors.text)
		fprintf(stderr, "%s", report->errors.text);
	if (report->out_of_memory)
		say("out of memory: lines are missing");
	command->failed = command->failed || report->errors.text || report->out_of_memory;
	if (command->failed && geteuid() != 0)
		say("run it as root");
	return output_end() < 0 || command->failed ? 1 : 0;
}

/* Ends show. A node without a network is no error. */
static int show_report(struct command *command)
{
	struct cni_error err = {};

	const char *unfound = show_unfound(&command->show);

	if (command->networks == 0 && !command->failed && !command->show.json &&
	    !command->show.unseen.text)
		none_print(command);
	if (unfound) {
		say("nothing of bridge-cni here is named \"%s\", nor is there a FILE of "
		    "this name; a FILE begins with / or ., or ends in " PATTERNS,
		    unfound);
		command->failed = true;
	}
	if (show_end(&command->show, &err) < 0) {
		say_error(NULL, &err);
		command->failed = true;
	}
	return output_end() < 0 || command->failed ? 1 : 0;
}

/* Prints what validate found. Where no FILE is named, and the directory is missing or
 * empty, nothing was read, which is said. */
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
	int status = command->trace.name ? trace_end(&command->trace, &command->doctor,
						     command->as_json)
					 : doctor_end(&command->doctor, command->as_json);

	if (command->doctor.out_of_memory) {
		say("out of memory: findings are missing");
		status = DOCTOR_PROBLEM;
	}
	return output_end() < 0 ? DOCTOR_PROBLEM : status;
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
	if (command->verb == CNI_VALIDATE)
		return;
	store_run(command, DEFAULT_DATA_DIR);
	store_run(command, RUN_DATA_DIR);
}

static void files_run(struct command *command, char **files)
{
	command->named = *files;
	if (!command->named)
		node_run(command);
	for (; *files; files++)
		path_run(command, *files, true);
}

static bool is_help(const char *argument)
{
	return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

static int task_run(const struct command_task *task, const char *called, char **arguments)
{
	_cleanup_(command_clear) struct command command = {
		.verb = task->verb,
	};
	struct cni_error err = {};
	int ret;

	for (char **argument = arguments; *argument; argument++)
		if (is_help(*argument)) {
			help_task_print(task);
			return output_end() < 0;
		}
	ret = arguments_read(&command, task, arguments);
	if (ret)
		return ret;
	if (task->run) {
		ret = task->run(&command, arguments);
		return output_end() < 0 ? 1 : ret;
	}
	types_find(&command, called);
	/* A person at a terminal waits for a word. A program has the exit status. */
	command.findings.tells_fine = !command.as_json && isatty(STDOUT_FILENO);
	if (task->verb == CNI_DOCTOR)
		doctor_begin(&command.doctor, plugin_path(&command));
	if (command.trace.name && trace_ask(&command.trace, &err) < 0) {
		say_error(NULL, &err);
		return ARGUMENTS_WRONG;
	}
	if (task->verb == CNI_SHOW)
		ret = show_prepare(&command.show, arguments, command.as_json);
	if (ret)
		return ret;
	files_run(&command, arguments);
	if (task->verb == CNI_SHOW)
		return show_report(&command);
	if (task->verb == CNI_VALIDATE)
		return findings_report(&command);
	if (task->verb == CNI_DOCTOR)
		return doctor_report(&command);
	return command_report(&command, task->nothing);
}

/* Prints the help, or all about the command that is named. */
static int help_run(char **arguments)
{
	const struct command_task *task = NULL;

	if (*arguments) {
		task = command_task_find(*arguments);
		if (!task || arguments[1])
			return argument_refuse(arguments[task ? 1 : 0]);
	}
	if (task)
		help_task_print(task);
	else
		help_print(stdout);
	return output_end() < 0;
}

int command_run(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const struct command_task *task;

	if (argc < 2) {
		help_print(stderr);
		return 0;
	}
	task = command_task_find(argv[1]);
	if (task)
		return task_run(task, slash ? slash + 1 : argv[0], argv + 2);
	if (is_help(argv[1]))
		return help_run(argv + 2);
	if (strcmp(argv[1], "--version") != 0 || argc > 2)
		return argument_refuse(argv[argc > 2 && argv[1][0] == '-' ? 2 : 1]);
	puts("bridge-cni " BRIDGE_CNI_VERSION);
	return output_end() < 0;
}
