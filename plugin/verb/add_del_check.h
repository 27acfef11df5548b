/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CNI operations ADD, DEL and CHECK on an attachment whose configuration is read and
 * checked. An answer is text for standard output, which main.c prints.
 */
#ifndef BRIDGE_CNI_PLUGIN_VERB_ADD_DEL_CHECK_H
#define BRIDGE_CNI_PLUGIN_VERB_ADD_DEL_CHECK_H

#include "plugin/attachment/attachment.h"

/* Prints the answer for the runtime. -errno with @err set where it can't. */
typedef int (*answer_fn)(const char *text, struct cni_error *err);

/*
 * Attaches the container and hands @print the result as JSON. When anything fails, @print
 * included, nothing of the attachment is left. Codes as the stages'.
 */
int verb_add(struct attachment *att, answer_fn print, struct cni_error *err);

/* Detaches the container, whatever of it is there or not. May be repeated. Codes as the
 * stages'. */
int verb_del(struct attachment *att, struct cni_error *err);

/* Is the attachment as ADD left it? Code 104 if not; code 7 without prevResult; codes of
 * the kernel. */
int verb_check(struct attachment *att, struct cni_error *err);

#endif
