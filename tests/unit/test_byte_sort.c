/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/base/byte_sort.h: the same order as qsort(3) with memcmp(3) makes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "deploy/agent/base/byte_sort.h"

#define ITEMS_MAX 3000

struct item {
	uint8_t before[3]; /* not part of the key */
	uint8_t key[9];
	uint16_t number;
};

static struct item items[ITEMS_MAX], sorted[ITEMS_MAX];

static int by_key(const void *a, const void *b)
{
	const struct item *one = a, *other = b;

	return memcmp(one->key, other->key, sizeof(one->key));
}

static int by_number(const void *a, const void *b)
{
	const struct item *one = a, *other = b;

	return (int)one->number - (int)other->number;
}

/* Makes items whose keys have random bytes behind @same bytes that all of them agree in.
 * There are @values of a byte. */
static void items_make(size_t n, size_t same, int values)
{
	memset(items, 0, sizeof(items));
	for (size_t i = 0; i < n; i++) {
		items[i].number = (uint16_t)i;
		items[i].before[2] = (uint8_t)rand();
		for (size_t k = 0; k < sizeof(items[i].key); k++)
			items[i].key[k] = k < same ? 0xaa : (uint8_t)(rand() % values);
	}
}

static void order_check(size_t n)
{
	memcpy(sorted, items, sizeof(items));
	qsort(sorted, n, sizeof(*sorted), by_key);
	BYTE_SORT(items, n, struct item, key);
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(items[i].key, sorted[i].key, sizeof(items[i].key));
	/* All are there, each with its own key. */
	qsort(sorted, n, sizeof(*sorted), by_number);
	qsort(items, n, sizeof(*items), by_number);
	assert_memory_equal(items, sorted, sizeof(items));
}

static void items_are_sorted_whatever_bytes_they_agree_in(void **state)
{
	static const size_t counts[] = {0, 1, 2, 31, 32, 33, 34, 255, ITEMS_MAX};
	static const int values[] = {1, 2, 256};

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		for (size_t same = 0; same <= sizeof(items->key); same++)
			for (size_t k = 0; k < sizeof(values) / sizeof(*values); k++) {
				items_make(counts[i], same, values[k]);
				order_check(counts[i]);
			}
}

/* Gives @few of the items other keys, among sorted ones or behind them. */
static void items_disturb(size_t n, size_t few, bool behind)
{
	qsort(items, n, sizeof(*items), by_key);
	for (size_t i = 0; i < few && i < n; i++) {
		struct item *item = &items[behind ? n - 1 - i : (size_t)rand() % n];

		for (size_t k = 0; k < sizeof(item->key); k++)
			item->key[k] = (uint8_t)(rand() % 4);
	}
}

static void items_are_sorted_of_which_a_few_are_out_of_place(void **state)
{
	static const size_t counts[] = {1, 2, 3, 40, ITEMS_MAX};
	static const size_t few[] = {0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 40};

	(void)state;
	srand(1);
	for (size_t round = 0; round < 20; round++)
		for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
			for (size_t k = 0; k < sizeof(few) / sizeof(*few); k++) {
				items_make(counts[i], 0, 4);
				items_disturb(counts[i], few[k], round % 2);
				order_check(counts[i]);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_sorted_whatever_bytes_they_agree_in),
		cmocka_unit_test(items_are_sorted_of_which_a_few_are_out_of_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
