/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much work a walk of chains is, where many jumps lead to each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/base/list.h"
#include "plugin/netlink/chain_walk.h"

#define JUMPS  2 /* of each chain to the next one */
#define CHAINS 17 /* with 16 jumps between them, which is the kernel's limit */

struct row {
	struct chain_source source; /* the first member */
	size_t *judged; /* so many times, of each chain */
	enum rule_effect last; /* of the rule of the last one */
};

static int rules_judge(const struct chain_source *source, const char *chain,
		       struct rule_judged_list *ret_list, struct cni_error *err)
{
	const struct row *row = (const struct row *)source;
	int number = atoi(chain);
	bool is_last = number == CHAINS - 1;

	(void)err;
	row->judged[number]++;
	for (size_t i = 0; i < (is_last ? 1 : JUMPS); i++) {
		struct rule_judged *rule = LIST_ADD(ret_list);

		assert_non_null(rule);
		*rule = (struct rule_judged){.effect = is_last ? row->last : RULE_JUMPS};
		snprintf(rule->chain, sizeof(rule->chain), "%d", number + 1);
	}
	return 0;
}

static int row_walk(enum rule_effect last, size_t judged[CHAINS],
		    struct chain_walked *ret_walked)
{
	const struct row row = {{rules_judge}, judged, last};

	return chain_walk(&row.source, "0", false, ret_walked, NULL);
}

static void a_chain_is_judged_once_however_many_jumps_lead_there(void **state)
{
	size_t judged[CHAINS] = {};
	struct chain_walked walked;

	(void)state;
	(void)row_walk(RULE_RETURNS, judged, &walked);
	for (size_t i = 0; i < CHAINS; i++)
		assert_int_equal(judged[i], 1);
}

static void the_last_chain_of_a_row_drops(void **state)
{
	size_t judged[CHAINS] = {};
	struct chain_walked walked;

	(void)state;
	assert_int_equal(row_walk(RULE_DROPS, judged, &walked), CHAIN_DROPS);
	assert_false(walked.perhaps);
	assert_string_equal(walked.by, "16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_judged_once_however_many_jumps_lead_there),
		cmocka_unit_test(the_last_chain_of_a_row_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
