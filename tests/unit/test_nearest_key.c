/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which known key a misspelled one is taken for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "conf/json/json_table.h"
#include "conf/key_tables.h"
#include "conf/nearest_key.h"

#define TEN "abcdefghij"

static const struct {
	const char *a, *b;
	size_t distance;
} distances[] = {
	{"", "", 0},
	{"mtu", "mtu", 0},
	{"MTU", "mtu", 0},
	{"", "mtu", 3},
	/* A letter that is missing, too many, another, and two that are swapped. */
	{"isGatway", "isGateway", 1},
	{"mtus", "mtu", 1},
	{"vlam", "vlan", 1},
	{"mut", "mtu", 1},
	{"ipMsaq", "ipMasq", 1},
	/* Swapped letters stay together: what stands between them afterwards costs more. */
	{"ca", "abc", 3},
	{"kitten", "sitting", 3},
	{"bridge", "mtu", 6},
	{TEN TEN TEN TEN, TEN TEN TEN "bacdefghij", 1},
	{TEN TEN TEN TEN, "", 40},
	{"\xc3\xa4", "a", 2},
};

static void the_distance_is_the_number_of_letters_to_change(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(distances); i++) {
		assert_int_equal(key_distance(distances[i].a, distances[i].b),
				 distances[i].distance);
		assert_int_equal(key_distance(distances[i].b, distances[i].a),
				 distances[i].distance);
	}
}

static const struct {
	const char *key, *meant; /* NULL: none is near */
} keys[] = {
	{"isGatway", "isGateway"},
	{"IPMASK", "ipMasq"},
	{"hairpinnMod", "hairpinMode"},
	/* Less than half of a short name may differ. */
	{"mut", "mtu"},
	{"mud", NULL},
	{"x", NULL},
	{"", NULL},
	{"isGateways12", NULL},
	{TEN TEN TEN TEN "a", NULL},
};

static void the_nearest_key_is_found_where_one_is_near(void **state)
{
	size_t n;
	const struct json_type *const *tables = key_tables(false, &n);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *found = nearest_key(keys[i].key, tables, n);

		if (keys[i].meant)
			assert_string_equal(found, keys[i].meant);
		else
			assert_null(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_distance_is_the_number_of_letters_to_change),
		cmocka_unit_test(the_nearest_key_is_found_where_one_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
