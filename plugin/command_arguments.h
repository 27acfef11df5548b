/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the arguments of a command by the table of commands, and refuses wrong ones. */
#ifndef BRIDGE_CNI_PLUGIN_COMMAND_ARGUMENTS_H
#define BRIDGE_CNI_PLUGIN_COMMAND_ARGUMENTS_H

#include "command_table.h"

#define ARGUMENTS_WRONG 2 /* the exit status of a command whose arguments are wrong */

/* Sets what the options say in @command and takes them out of @arguments, whose last is
 * NULL: the operands are left. ARGUMENTS_WRONG: they are wrong, which was said. */
int arguments_read(struct command *command, const struct command_task *task,
		   char **arguments);

/* Says that no command, and no option that stands alone, has this name, and which one is
 * meant. Returns ARGUMENTS_WRONG. */
int argument_refuse(const char *argument);

#endif
