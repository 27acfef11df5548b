/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands, their options and what else they take, as a table. The arguments are read
 * by it, and the help and the shells' completions (deploy/generate) are made of it. */
#ifndef BRIDGE_CNI_PLUGIN_COMMAND_TABLE_H
#define BRIDGE_CNI_PLUGIN_COMMAND_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/env.h"

struct command;

/* An argument of this name is a directory, and is given by its absolute path. */
#define DIR_ARGUMENT "DIR"

struct command_option {
	const char *name; /* "--force" */
	/* the names of the arguments that follow it, with spaces between them: "POD
	 * ADDRESS"; NULL: it has none */
	const char *arguments;
	const char *about; /* a few words */
	/* Where its value goes in struct command: a bool, which is set; with arguments a
	 * const char * for each of them, one behind the other. */
	size_t offset;
	const char
		*rule; /* with arguments: how it is given right: "goes once, with ..." */
	bool without_operands; /* nothing else than options stands beside it */
};

/* An argument that is no option. It may be missing, or be given many times. */
struct command_operand {
	const char *name; /* "FILE" */
	const char *about; /* a sentence without its full stop */
	const char *const *words; /* those that it can be; NULL ends them; NULL: any */
};

/* A command. It does something with each network of its FILEs, unless it has @run. */
struct command_task {
	const char *name;
	enum cni_verb verb;
	const char *about; /* a few words */
	const char *nothing; /* printed when nothing was done; NULL: nothing is */
	const char *details; /* whole lines for the help; NULL: @about says all */
	const struct command_option *options; /* the last has no name */
	bool options_anywhere; /* not only in front of what else it takes */
	const struct command_operand *operands; /* the last has no name */
	/* does what the options and operands say, and returns the exit status; NULL: as
	 * above */
	int (*run)(const struct command *command, char **operands);
};

/* All commands, and the options that stand alone; the last of them has no name. */
extern const struct command_task command_tasks[];
extern const struct command_option command_options[];

/* Returns the command of this name; NULL: there is none. */
const struct command_task *command_task_find(const char *name);

#endif
