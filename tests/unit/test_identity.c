/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names that other plugins derive from an attachment are met to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/identity.h"
#include "conf/names.h"

/* From the reference's pkg/utils/utils_test.go. */
static void test_chain_of_the_reference(void **state)
{
	char chain[REFERENCE_CHAIN_MAX];

	(void)state;
	identity_reference_chain("test", "1234", chain);
	assert_string_equal(chain, "CNI-2bbe0c48b91a7d1b8a6753a8");
	identity_reference_chain("testalongnamethatdoesnotmakesense", "1234", chain);
	assert_string_equal(chain, "CNI-374f33fe84ab0ed84dcdebe3");
}

/* From the reference's pkg/ip/ipmasq_nftables_linux_test.go. */
static void test_comment_of_the_reference(void **state)
{
	char comment[REFERENCE_COMMENT_MAX];

	(void)state;
	identity_reference_comment("unit-test", "one", "eth0", comment);
	assert_string_equal(comment, "6fd94d501e58f0aa-287fc69eff0574a2");
	identity_reference_comment("alternate", "three", "net1", comment);
	assert_string_equal(comment, "82783ef24bdc7036-acb19d111858e348");
}

static void test_longest_names_fit(void **state)
{
	char name[CNI_NAME_MAX + 1], chain[REFERENCE_CHAIN_MAX];
	char comment[REFERENCE_COMMENT_MAX];

	(void)state;
	memset(name, 'n', CNI_NAME_MAX);
	name[CNI_NAME_MAX] = '\0';
	identity_reference_chain(name, name, chain);
	assert_string_equal(chain, "CNI-789384df27779c78c3a100e3");
	identity_reference_comment(name, name, "fifteen-letters", comment);
	assert_string_equal(comment, "87c55405f2022ed3-399b5a33e7eb83de");
}

static void test_owners_are_told_apart(void **state)
{
	static const char *const apart[][3] = {
		{"pods", "cni0", "/run/cni"},	 {"pods", "cni1", "/run/cni"},
		{"pod", "scni0", "/run/cni"},	 {"pods", "cni0", "/run/cni/x"},
		{"pods", "cni0", "/run/../cni"}, {"pods", "cni0", "/cni"},
		{"pods", "cni0", "/"},		 {"pods", "cni0/run", "/cni"},
		{"pods", "cni0", "/run/.cni"},	 {"pods", "cni0", "/run/cni/.."},
	};
	static const char *const same[] = {
		"/run/cni/", "//run/cni", "/run///cni", "/./run/./cni/.", "/run/cni//",
	};
	uint64_t owner = identity_owner("pods", "cni0", "/run/cni");

	(void)state;
	for (size_t i = 0; i < sizeof(apart) / sizeof(*apart); i++)
		for (size_t k = 0; k < i; k++)
			assert_true(
				identity_owner(apart[i][0], apart[i][1], apart[i][2]) !=
				identity_owner(apart[k][0], apart[k][1], apart[k][2]));
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		assert_true(identity_owner("pods", "cni0", same[i]) == owner);
}

/* As long as a configuration's strings may be, in which the last byte counts. */
static void test_the_longest_store_has_an_owner_of_its_own(void **state)
{
	char path[4097], name[CNI_NAME_MAX + 1];
	uint64_t owner;

	(void)state;
	memset(name, 'n', CNI_NAME_MAX);
	name[CNI_NAME_MAX] = '\0';
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	owner = identity_owner(name, "fifteen-bytes-i", path);
	path[sizeof(path) - 2] = 'q';
	assert_true(identity_owner(name, "fifteen-bytes-i", path) != owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_of_the_reference),
		cmocka_unit_test(test_comment_of_the_reference),
		cmocka_unit_test(test_longest_names_fit),
		cmocka_unit_test(test_owners_are_told_apart),
		cmocka_unit_test(test_the_longest_store_has_an_owner_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
