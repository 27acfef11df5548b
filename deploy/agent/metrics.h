/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of the page /metrics. */
#ifndef BRIDGE_CNI_AGENT_METRICS_H
#define BRIDGE_CNI_AGENT_METRICS_H

struct agent;

/* Makes the text, for which the store is read and the kernel's counters are asked. The
 * caller frees it. NULL: memory ran out. */
char *metrics_text(struct agent *agent);

#endif
