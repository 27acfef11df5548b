/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comments of rules, by which one version finds what another one wrote, and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "plugin/nft/rules_owner.h"

#define OWNER	0x0123456789abcdefU
#define PRINT	UINT64_MAX
#define WRITTEN 0xfedcba9876543210U

static void a_comment_is_read_as_it_was_written(void **state)
{
	static const uint64_t written[] = {0, 1, WRITTEN};
	char comment[NFT_COMMENT_MAX];
	struct rules_comment read;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		rules_comment_format(OWNER, "shop", "masquerade", "nat4", PRINT,
				     written[i], comment);
		assert_true(rules_comment_read(comment, &read));
		assert_int_equal(read.version, RULES_VERSION);
		assert_string_equal(read.stage, "masquerade");
		assert_string_equal(read.kind, "nat4");
		assert_int_equal(read.owner, OWNER);
		assert_int_equal(read.print, PRINT);
		assert_int_equal(read.network, hash_text("shop"));
		assert_int_equal(read.written, written[i]);
	}
}

/* The texts that are on nodes. */
static void a_comment_has_the_text_that_other_versions_know(void **state)
{
	char comment[NFT_COMMENT_MAX];
	struct rules_comment read;

	(void)state;
	rules_comment_format(OWNER, "shop", "masquerade", "nat4", 0x1f, WRITTEN, comment);
	assert_string_equal(comment, "v2 masquerade/nat4 0123456789abcdef "
				     "000000000000001f bd4ab54586fbfbcb+fedcba9876543210 "
				     "shop");
	assert_true(rules_comment_read("v1 portmap/map6 0123456789abcdef 1f net", &read));
	assert_int_equal(read.version, RULES_VERSION_BY_NAME);
	assert_int_equal(read.network, OWNER);
	assert_int_equal(read.print, 0x1f);
	assert_true(rules_comment_read("v30 a/b 1 2 3 whatever", &read));
	assert_int_equal(read.version, 30);
}

static void other_comments_are_none_of_ours(void **state)
{
	static const char *const texts[] = {
		"",
		"v",
		"v2",
		"v2 ",
		"vx a/b 1 2 3 n",
		"2 a/b 1 2 3 n",
		"v2 ab 1 2 3 n",
		"v2 /b 1 2 3 n",
		"v2 a/ 1 2 3 n",
		"v2 a/b",
		"v2 a/b ",
		"v2 a/b g 2 3 n",
		"v2 a/b 1 g 3 n",
		"v2 a/b 1 2 n",
		"v2 a/b 1 2 3+ n",
		"v2 a/b 1 2",
		"v2 a/b 10123456789abcdef 2 3 n",
		"v2 a234567890123456789012345/b 1 2 3 n",
	};
	struct rules_comment read;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (rules_comment_read(texts[i], &read))
			fail_msg("\"%s\" was read", texts[i]);
}

static void a_name_has_the_owner_at_its_end(void **state)
{
	static const uint64_t owners[] = {0, 0x1f, OWNER, UINT64_MAX};
	char name[32], expected[32];
	uint64_t owner;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		rules_owner_name("from_4", owners[i], name, sizeof(name));
		snprintf(expected, sizeof(expected), "from_4_%016jx",
			 (uintmax_t)owners[i]);
		assert_string_equal(name, expected);
		assert_true(rules_name_owner(name, &owner));
		assert_int_equal(owner, owners[i]);
	}
	assert_false(rules_name_owner("from_4", &owner));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_comment_is_read_as_it_was_written),
		cmocka_unit_test(a_comment_has_the_text_that_other_versions_know),
		cmocka_unit_test(other_comments_are_none_of_ours),
		cmocka_unit_test(a_name_has_the_owner_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
