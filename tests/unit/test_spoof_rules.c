/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of spoofCheck where the port is a trunk, and where it is none: the kernel that
 * the other tests run on may have no VLAN filtering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "plugin/stage/spoofcheck_rules.h"

static void rules_make(bool is_trunk, bool addresses, struct rule_list *ret_list)
{
	struct vlan_trunk trunk = {.id = 7};
	struct network network = {
		.name = "shop",
		.owner = 0x0123456789abcdefU,
		.vlan_trunk = {&trunk, is_trunk},
	};
	struct cni_error err = {};

	assert_int_equal(spoof_rules_wanted(&network, addresses, ret_list, &err), 0);
}

static const struct rule *rule_find(const struct rule_list *list, const char *kind)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i].kind, kind) == 0)
			return &list->items[i];
	fail_msg("no rule %s", kind);
	return NULL;
}

static void a_tag_has_a_type_of_its_own_unless_the_port_is_a_trunk(void **state)
{
	struct rule_list list;

	(void)state;
	rules_make(false, true, &list);
	assert_string_equal(rule_find(&list, "own4")->text,
			    "ether type ip iifname . ether saddr . ip saddr "
			    "@src4_0123456789abcdef jump from4");
	for (size_t i = 0; i < list.n; i++)
		if (!list.items[i].shared)
			assert_null(strstr(list.items[i].text, "meta protocol"));
	rule_list_clear(&list);
}

static void what_is_in_the_tags_of_a_trunk_is_looked_at(void **state)
{
	struct rule_list list;

	(void)state;
	rules_make(true, true, &list);
	assert_string_equal(rule_find(&list, "own4")->text,
			    "meta protocol ip iifname . ether saddr . ip saddr "
			    "@src4_0123456789abcdef jump from4");
	for (size_t i = 0; i < list.n; i++)
		assert_null(strstr(list.items[i].text, "ether type"));
	rule_list_clear(&list);
}

static void without_spoofCheck_the_rules_on_addresses_are_tolerated(void **state)
{
	struct rule_list list;

	(void)state;
	rules_make(false, false, &list);
	assert_false(rule_find(&list, "mac")->tolerated);
	assert_false(rule_find(&list, "drop")->tolerated);
	assert_true(rule_find(&list, "own6")->tolerated);
	assert_true(rule_find(&list, "bpdu")->tolerated);
	rule_list_clear(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_has_a_type_of_its_own_unless_the_port_is_a_trunk),
		cmocka_unit_test(what_is_in_the_tags_of_a_trunk_is_looked_at),
		cmocka_unit_test(without_spoofCheck_the_rules_on_addresses_are_tolerated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
