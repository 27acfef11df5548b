/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the agent small: it runs on every node of the cluster. */
#ifndef BRIDGE_CNI_AGENT_BASE_MEMORY_TRIM_H
#define BRIDGE_CNI_AGENT_BASE_MEMORY_TRIM_H

/*
 * Gives memory back to the kernel that only the start and a long list have needed: free
 * heap, and the libraries' code, of which the kernel reads again what is used again.
 */
void memory_trim(void);

#endif
