/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CNI operations on a read and validated attachment. What they answer is text for
 * stdout; who prints it is main.c.
 */
#ifndef BRIDGE_CNI_PLUGIN_VERB_ADD_DEL_CHECK_H
#define BRIDGE_CNI_PLUGIN_VERB_ADD_DEL_CHECK_H

#include "plugin/attachment/attachment.h"

/* Puts the answer where the runtime reads it; -errno with @err set when it can't. */
typedef int (*answer_fn)(const char *text, struct cni_error *err);

/*
 * Attaches the container and gives @print the result as JSON. When anything fails, @print
 * included, nothing of the attachment is left. Codes as the stages give them.
 */
int verb_add(struct attachment *att, answer_fn print, struct cni_error *err);

/* Detaches it: by identity, again and again, whatever is there or not. */
int verb_del(struct attachment *att, struct cni_error *err);

/* Is it as ADD left it? Codes 7 (no prevResult), 104, …. */
int verb_check(struct attachment *att, struct cni_error *err);

#endif
