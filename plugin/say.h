/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints lines for the operator on standard error, which runtimes put into their log. */
#ifndef BRIDGE_CNI_PLUGIN_SAY_H
#define BRIDGE_CNI_PLUGIN_SAY_H

#include "conf/base/error.h"
#include "conf/base/notices.h"

/* Prints "bridge-cni: ...", which is one line whatever the text has in it
 * (conf/base/printable.h). */
void say(const char *fmt, ...) _printf_(1, 2);

/* Prints an error with its details. @where: what it is about; NULL: the message says
 * it. */
void say_error(const char *where, const struct cni_error *err);

/* Tells a person that a lock is waited for, as conf/base/flock.h asks for it. */
void say_wait(const char *path, unsigned int seconds);

/* Prints the lines that notice() has collected. */
void say_notices(const struct notices *notices);

#endif
