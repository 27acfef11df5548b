/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What shells offer behind the program's name. */
#ifndef BRIDGE_CNI_DEPLOY_GENERATE_COMPLETION_H
#define BRIDGE_CNI_DEPLOY_GENERATE_COMPLETION_H

/* Make the shell's script out of the tables of commands and options. The caller frees the
 * text; NULL: memory ran out. */
char *completion_bash(void);
char *completion_zsh(void);

#endif
