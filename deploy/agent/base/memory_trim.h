/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the agent small, as it runs on every node of the cluster, and quick. */
#ifndef BRIDGE_CNI_AGENT_BASE_MEMORY_TRIM_H
#define BRIDGE_CNI_AGENT_BASE_MEMORY_TRIM_H

/*
 * From now on memory that is freed serves again, instead of going back to the kernel. When
 * a Node of a large cluster changes, some arrays of hundreds of kB are needed for a moment:
 * having the kernel map and clear their pages each time takes more time than all the rest.
 */
void memory_keep(void);

/*
 * Gives memory back to the kernel that only the start and a long list have needed: free
 * heap, and the libraries' code, of which the kernel reads again what is used again.
 */
void memory_trim(void);

/* Gives back free heap alone: what reading the kernel has needed, or changes for a moment. */
void memory_trim_heap(void);

#endif
