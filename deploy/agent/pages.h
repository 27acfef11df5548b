/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pages of the local port: /healthz, /readyz and /metrics; and those of the port that
 * others may reach: /metrics alone. */
#ifndef BRIDGE_CNI_AGENT_PAGES_H
#define BRIDGE_CNI_AGENT_PAGES_H

/* Each is an http_page_fn of http_server.h. @data: the struct agent. */
char *agent_page(const char *path, unsigned int *ret_status, void *data);
char *agent_metrics_page(const char *path, unsigned int *ret_status, void *data);

#endif
