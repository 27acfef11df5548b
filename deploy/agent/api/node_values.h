/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single values of a Node. */
#ifndef BRIDGE_CNI_AGENT_API_NODE_VALUES_H
#define BRIDGE_CNI_AGENT_API_NODE_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* The digits of "2026-11-28T19:00:00Z", as the API server writes a time; of what else
 * @text may be, 0. */
uint64_t node_created_read(const char *text);

/* A DNS subdomain (RFC 1123), as the API server wants it: names stand in the log and in
 * metrics. */
bool node_name_valid(const char *name);

#endif
