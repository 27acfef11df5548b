/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sorts thousands of items by a key of some bytes in each: addresses, MAC addresses,
 * WireGuard's keys. It takes a fraction of the time of qsort(3), which compares each item a
 * dozen times, and no memory, where qsort(3) takes as much again as the items have. Items
 * that are in order already but for a few are compared once.
 */
#ifndef BRIDGE_CNI_AGENT_BASE_BYTE_SORT_H
#define BRIDGE_CNI_AGENT_BASE_BYTE_SORT_H

#include <stddef.h>

#define BYTE_SORT_ITEM_MAX 128 /* bytes of an item */

/* Sorts @n items of @size bytes by the @len bytes that each has at the offset @key, in the
 * order of memcmp(3). Items with equal keys get into any order. */
void byte_sort(void *items, size_t n, size_t size, size_t key, size_t len);

/* Sorts an array of structures by a member that has no padding. */
#define BYTE_SORT(items, n, type, member)                             \
	byte_sort((items), (n), sizeof(type), offsetof(type, member), \
		  sizeof(((type *)NULL)->member))

#endif
