/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program as people, services and the node agent call it: by arguments instead of
 * CNI_COMMAND. It answers with lines of text. */
#ifndef BRIDGE_CNI_PLUGIN_COMMAND_H
#define BRIDGE_CNI_PLUGIN_COMMAND_H

#include <stddef.h>

#include "conf/env.h"

struct command_option {
	const char *name; /* "--force" */
	const char *argument; /* what follows it: "DIR"; NULL: nothing */
	const char *about; /* a few words */
};

/* A command. It does something with each network of its FILEs, unless it has @run. */
struct command_task {
	const char *name;
	enum cni_verb verb;
	const char *about; /* a few words */
	const char *nothing; /* printed when nothing was done; NULL: nothing is */
	const struct command_option *options; /* the last has no name */
	/* does what the arguments say, and returns the exit status; NULL: as above */
	int (*run)(char **arguments);
	const char *const *names; /* that it takes instead of FILEs; NULL ends them */
};

/* All commands, and the options that stand alone; the last of them has no name. */
extern const struct command_task command_tasks[];
extern const struct command_option command_options[];

/* Does what the arguments say and returns the exit status. 1: something went wrong, which
 * is on standard error; 2: the arguments are wrong. */
int command_run(int argc, char **argv);

#endif
