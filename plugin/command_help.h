/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints how the program is called, out of the table of commands. */
#ifndef BRIDGE_CNI_PLUGIN_COMMAND_HELP_H
#define BRIDGE_CNI_PLUGIN_COMMAND_HELP_H

#include <stdio.h>

#include "command_table.h"

/* Prints what the program is, and its commands, a line each. */
void help_print(FILE *stream);

/* Prints all about one command. */
void help_task_print(const struct command_task *task);

/* Prints "bridge-cni cleanup [--force] ...", without an end of the line. */
void synopsis_print(FILE *stream, const struct command_task *task);

#endif
