/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a repair or a cleanup has done and what it could not do, a line each, for whoever
 * asked for it. An ADD that makes the same things is asked for no report.
 */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_REPORT_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_REPORT_H

#include "attachment.h"
#include "conf/base/text.h"

struct report {
	struct text done, errors; /* printable lines */
	struct cni_error last_error;
	bool out_of_memory; /* lines are missing */
};

void report_clear(struct report *report);

/* "NETWORK[ CONTAINER INTERFACE]: ..."; nothing where @att has no report. */
void report_done(const struct attachment *att, const char *fmt, ...) _printf_(2, 3);

/* The same message as the last one is left out: what ails all pods is said once. */
void report_error(const struct attachment *att, const struct cni_error *err);

#endif
