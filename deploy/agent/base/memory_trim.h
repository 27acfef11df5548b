/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's own size. */
#ifndef BRIDGE_CNI_AGENT_MEMORY_TRIM_H
#define BRIDGE_CNI_AGENT_MEMORY_TRIM_H

/* Gives back what only starting and a long list needed: heap, and pages of libraries. */
void memory_trim(void);

#endif
