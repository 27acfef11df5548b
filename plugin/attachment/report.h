/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report for the caller of repair or cleanup: a line for each thing that it has done,
 * and for each that it could not do. An ADD, which makes the same things, reports
 * nothing.
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

/* Adds a line "NETWORK[ CONTAINER INTERFACE]: ...". Does nothing where no report is asked
 * for. */
void report_done(const struct attachment *att, const char *fmt, ...) _printf_(2, 3);

/* Adds a line about an error. The same message as the last one is left out: an error that
 * all pods have is reported once. */
void report_error(const struct attachment *att, const struct cni_error *err);

#endif
