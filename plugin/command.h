/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program as people, services and the node agent call it: by arguments instead of
 * CNI_COMMAND. It answers with lines of text. */
#ifndef BRIDGE_CNI_PLUGIN_COMMAND_H
#define BRIDGE_CNI_PLUGIN_COMMAND_H

/* Does what the arguments say and returns the exit status. 1: something went wrong, which
 * is on standard error; 2: the arguments are wrong. */
int command_run(int argc, char **argv);

#endif
