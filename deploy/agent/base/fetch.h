/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loops over thousands of items that lie anywhere in an array, in the order of another list.
 * Each item that the processor comes to unprepared has it wait for memory, some 0.1 us; so a
 * loop tells it of an item some steps before it comes to it.
 */
#ifndef BRIDGE_CNI_AGENT_BASE_FETCH_H
#define BRIDGE_CNI_AGENT_BASE_FETCH_H

#include <stddef.h>
#include <stdint.h>

#define FETCH_AHEAD 16 /* steps of a loop */
#define FETCH_LINE  64 /* bytes that come from memory at once */

/* Has the bytes of an item come from memory, and doesn't wait for them. */
static inline void fetch(const void *item, size_t size)
{
	uintptr_t line = (uintptr_t)item - (uintptr_t)item % FETCH_LINE;

	for (; line < (uintptr_t)item + size; line += FETCH_LINE)
		__builtin_prefetch((const void *)line);
}

#endif
