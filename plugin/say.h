/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines on standard error, for the operator: runtimes have it in their log. */
#ifndef BRIDGE_CNI_PLUGIN_SAY_H
#define BRIDGE_CNI_PLUGIN_SAY_H

#include "conf/base/error.h"
#include "conf/base/notices.h"

/* "bridge-cni: ...", one line whatever is in it (conf/base/printable.h). */
void say(const char *fmt, ...) _printf_(1, 2);

/* An error with its details. @where: what it is about; NULL: the message says it. */
void say_error(const char *where, const struct cni_error *err);

/* The lines that notice() has collected. */
void say_notices(const struct notices *notices);

#endif
