/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of metrics in Prometheus' text format. Names are without "bridge_cni_". */
#ifndef BRIDGE_CNI_AGENT_BASE_METRIC_LINES_H
#define BRIDGE_CNI_AGENT_BASE_METRIC_LINES_H

#include <stdint.h>
#include <stdio.h>

/* Writes the lines that stand before the values of a metric. @type: gauge or counter. */
void metric(FILE *out, const char *name, const char *type, const char *help);

/* NAME="VALUE", with the value escaped, wherever it comes from. */
void label(FILE *out, const char *name, const char *value);

/* A metric that has one value, without labels. */
void counter(FILE *out, const char *name, uint64_t value, const char *help);
void gauge(FILE *out, const char *name, uint64_t value, const char *help);

#endif
