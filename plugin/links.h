/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command links: makes the links of name_links.h, and prints what came of it. */
#ifndef BRIDGE_CNI_PLUGIN_LINKS_H
#define BRIDGE_CNI_PLUGIN_LINKS_H

struct command;

#define BIN_DIR "/opt/cni/bin" /* where most runtimes look for plugins */

/* Makes the links of these names, the last of which is NULL, or of the programs (enum
 * cni_program) where none is given. Returns the exit status; 1: one of them is missing, which was said. */
int links_run(const struct command *command, char **names);

#endif
