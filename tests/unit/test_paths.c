/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf/paths.h: paths compared component by component. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/paths.h"
#include "conf/base/util.h"

static void a_plain_path_has_no_component_that_leads_elsewhere(void **state)
{
	static const char *const plain[] = {"/",    "/a",      "/a/",	"/a/b",
					    "/a.b", "/..a/b.", "/.a/c", "/..."};
	static const char *const other[] = {"",	    "a",     "a/b",  "//",     "/a//b",
					    "//a",  "/.",    "/..",  "/a/.",   "/a/..",
					    "/./a", "/../a", "/a//", "/a/../", "./a"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		assert_true(path_is_plain(plain[i]));
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		assert_false(path_is_plain(other[i]));
}

static void below_is_by_component(void **state)
{
	(void)state;
	assert_int_equal(path_below("/var/log", "/var/log/a"), 8);
	assert_int_equal(path_below("/var/log/", "/var/log/a/b"), 8);
	assert_int_equal(path_below("/var/log", "/var/log"), 8);
	assert_int_equal(path_below("/", "/a"), 1);
	assert_int_equal(path_below("/var/log", "/var/logs"), 0);
	assert_int_equal(path_below("/var/log", "/var"), 0);
	assert_int_equal(path_below("/var/log/a", "/var/log"), 0);
	assert_int_equal(path_below("/var/log", "/var/log/../a"), 0);
	assert_int_equal(path_below("/var/log", "/var//log/a"), 0);
	assert_int_equal(path_below("/var/log", "var/log/a"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_path_has_no_component_that_leads_elsewhere),
		cmocka_unit_test(below_is_by_component),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
