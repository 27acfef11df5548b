/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A radix sort in place, from the first byte of the key on: the items that agree in the
 * bytes so far are brought into the order of their next byte. Bytes in which all items
 * agree, as in most of an address, cost no more than being counted. Where all items but a
 * few are in order already, those few are put in their places instead. */
#include "byte_sort.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "conf/base/bytes.h"

#define VALUES	256
#define FEW_MAX 32 /* so few items are sorted by comparing them */

struct sort {
	uint8_t *items;
	size_t size, key, len;
};

static uint8_t *item_at(const struct sort *sort, size_t i)
{
	return sort->items + i * sort->size;
}

static void swap(const struct sort *sort, size_t i, size_t k)
{
	uint8_t saved[BYTE_SORT_ITEM_MAX];

	memcpy(saved, item_at(sort, i), sort->size);
	memcpy(item_at(sort, i), item_at(sort, k), sort->size);
	memcpy(item_at(sort, k), saved, sort->size);
}

/* Sorts the items from @from to before @to, which agree in @at bytes of the key. */
static void few_sort(const struct sort *sort, size_t from, size_t to, size_t at)
{
	size_t offset = sort->key + at, len = sort->len - at;
	uint8_t item[BYTE_SORT_ITEM_MAX];

	for (size_t i = from + 1; i < to; i++) {
		size_t k = i;

		memcpy(item, item_at(sort, i), sort->size);
		while (k > from &&
		       memcmp(item_at(sort, k - 1) + offset, item + offset, len) > 0)
			k--;
		memmove(item_at(sort, k + 1), item_at(sort, k), (i - k) * sort->size);
		memcpy(item_at(sort, k), item, sort->size);
	}
}

/* Brings the items from @from to before @to into the order of one byte of the key, of which
 * @ends tells how many have each value. Then it has where those of each value end. */
static void spread(const struct sort *sort, size_t from, size_t offset,
		   size_t ends[VALUES])
{
	size_t next[VALUES], end = from;

	for (int value = 0; value < VALUES; value++) {
		next[value] = end;
		end += ends[value];
		ends[value] = end;
	}
	for (int value = 0; value < VALUES; value++)
		while (next[value] < ends[value]) {
			uint8_t is = item_at(sort, next[value])[offset];

			if (is == value)
				next[value]++;
			else
				swap(sort, next[value], next[is]++);
		}
}

static void sort_from(const struct sort *sort, size_t from, size_t to, size_t at)
{
	for (; at < sort->len && to - from > 1; at++) {
		size_t ends[VALUES] = {}, offset = sort->key + at;

		if (to - from <= FEW_MAX) {
			few_sort(sort, from, to, at);
			return;
		}
		for (size_t i = from; i < to; i++)
			ends[item_at(sort, i)[offset]]++;
		if (ends[item_at(sort, from)[offset]] == to - from)
			continue;
		spread(sort, from, offset, ends);
		for (int value = 0; value < VALUES; value++) {
			sort_from(sort, from, ends[value], at + 1);
			from = ends[value];
		}
		return;
	}
}

static int item_cmp(const struct sort *sort, const uint8_t *a, const uint8_t *b)
{
	return bytes_cmp(a + sort->key, b + sort->key, sort->len);
}

/* Puts the sorted items of @few in their places among the @n sorted ones, behind which
 * there is room for them. */
static void merge(const struct sort *sort, size_t n, const uint8_t *few, size_t n_few)
{
	while (n_few > 0) {
		const uint8_t *item = few + (n_few - 1) * sort->size;
		size_t low = 0, high = n;

		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (item_cmp(sort, item_at(sort, middle), item) <= 0)
				low = middle + 1;
			else
				high = middle;
		}
		memmove(item_at(sort, low + n_few), item_at(sort, low),
			(n - low) * sort->size);
		memcpy(item_at(sort, low + --n_few), item, sort->size);
		n = low;
	}
}

/* Sorts items of which all but a few are in order. False: there are more of those. Of two
 * neighbours that are not in order, the first one is out of place where the item before
 * both may stand before the second one. */
static bool nearly_sort(const struct sort *sort, size_t n)
{
	uint8_t few[FEW_MAX * BYTE_SORT_ITEM_MAX];
	struct sort few_items = {few, sort->size, sort->key, sort->len};
	size_t kept = n > 0, n_few = 0;

	while (kept > 0 && kept < n &&
	       item_cmp(sort, item_at(sort, kept - 1), item_at(sort, kept)) <= 0)
		kept++;
	for (size_t i = kept; i < n; i++) {
		const uint8_t *item = item_at(sort, i);
		bool is_behind = !kept ||
				 item_cmp(sort, item_at(sort, kept - 1), item) <= 0;

		if (!is_behind && n_few == FEW_MAX) {
			memcpy(item_at(sort, kept), few, n_few * sort->size);
			return false;
		}
		if (!is_behind && kept > 1 &&
		    item_cmp(sort, item_at(sort, kept - 2), item) > 0) {
			memcpy(item_at(&few_items, n_few++), item, sort->size);
			continue;
		}
		if (!is_behind)
			memcpy(item_at(&few_items, n_few++), item_at(sort, --kept),
			       sort->size);
		if (kept != i)
			memcpy(item_at(sort, kept), item, sort->size);
		kept++;
	}
	few_sort(&few_items, 0, n_few, 0);
	merge(sort, kept, few, n_few);
	return true;
}

void byte_sort(void *items, size_t n, size_t size, size_t key, size_t len)
{
	struct sort sort = {items, size, key, len};

	assert(size <= BYTE_SORT_ITEM_MAX && key + len <= size);
	if (!nearly_sort(&sort, n))
		sort_from(&sort, 0, n, 0);
}
