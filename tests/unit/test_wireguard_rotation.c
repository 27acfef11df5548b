/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/tunnel/wireguard_rotation.h: when a key is replaced, and by which slot two
 * nodes send; at the end, clusters whose nodes learn of each other late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/util.h"
#include "deploy/agent/tunnel/wireguard_rotation.h"

#define DAY 86400

static void test_two_nodes_use_the_slot_of_the_generation_that_both_have(void **state)
{
	static const struct {
		uint32_t own;
		struct rotation_pair pair;
		int target, chosen;
	} rows[] = {
		{0, {{true, true}, 0, {true, true}}, 0, 0},
		{1, {{true, true}, 0, {true, true}}, 0, 0},
		{0, {{true, true}, 1, {true, true}}, 0, 0},
		{1, {{true, true}, 1, {true, true}}, 1, 1},
		{2, {{true, true}, 1, {true, true}}, 1, 1},
		{2, {{true, true}, 2, {true, true}}, 0, 0},
		/* Until hands were shaken there. */
		{1, {{true, true}, 1, {true, false}}, 1, 0},
		{2, {{true, true}, 3, {false, true}}, 0, 1},
		{1, {{true, true}, 1, {false, false}}, 1, 1},
		/* With a node of one slot there is no choice. */
		{1, {{true, false}, 0, {false, false}}, 0, 0},
		{1, {{true, false}, 0, {false, true}}, 0, 0},
		/* Nor where only the second key can be used. */
		{1, {{false, true}, 1, {true, false}}, 1, 1},
		{0, {{false, true}, 1, {true, false}}, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(rotation_target(rows[i].own, &rows[i].pair),
				 rows[i].target);
		assert_int_equal(rotation_choose(rows[i].own, &rows[i].pair),
				 rows[i].chosen);
	}
}

static void test_a_key_in_use_blocks(void **state)
{
	const struct rotation_pair behind = {{true, true}, 0, {true, true}};
	const struct rotation_pair equal = {{true, true}, 1, {true, true}};
	const struct rotation_pair unseen = {{true, true}, 1, {true, false}};
	const struct rotation_pair behind_unseen = {{true, true}, 0, {false, true}};
	const struct rotation_pair off = {{true, true}, 1, {false, false}};
	const struct rotation_pair one_slot = {{true, false}, 0, {true, false}};

	(void)state;
	assert_false(rotation_blocked(0, 1, &behind));
	assert_true(rotation_blocked(1, 0, &behind));
	assert_false(rotation_blocked(1, 0, &equal));
	assert_true(rotation_blocked(1, 0, &behind_unseen));
	assert_true(rotation_blocked(1, 0, &unseen));
	assert_false(rotation_blocked(1, 0, &off));
	assert_true(rotation_blocked(1, 0, &one_slot));
	assert_false(rotation_blocked(0, 1, &one_slot));
}

static void test_a_step_is_taken_when_its_time_has_come(void **state)
{
	static const struct rotation_state due = {
		.days = 1,
		.period = DAY + 100,
		.age = {DAY + 100, 2 * DAY + 200},
		.unblocked_ms = 60000,
	};
	struct rotation_state at = due;

	(void)state;
	assert_int_equal(rotation_next(&at), ROTATION_NEW_KEY);
	at.age[0]--;
	assert_int_equal(rotation_next(&at), ROTATION_NONE);
	/* The key in use counts: of an odd generation it is the other one. */
	at.generation = 1;
	assert_int_equal(rotation_next(&at), ROTATION_NEXT);
	at.age[0]++;
	assert_int_equal(rotation_next(&at), ROTATION_NEW_KEY);
	at = due;
	at.unblocked_ms = 59999;
	assert_int_equal(rotation_next(&at), ROTATION_NONE);
	/* Peers are named when the slowest have had their time. */
	at = due;
	at.blocked = true;
	assert_int_equal(rotation_next(&at), ROTATION_NONE);
	at.age[0] = DAY + DAY / 10 + 3599;
	assert_int_equal(rotation_next(&at), ROTATION_NONE);
	at.age[0]++;
	assert_int_equal(rotation_next(&at), ROTATION_WAITS);
	/* A key that was made, and not told of: the agent was killed in between. */
	at.age[1] = 5;
	assert_int_equal(rotation_next(&at), ROTATION_NEXT);
}

static void test_slots_go_on_in_turn_behind_the_last_generation(void **state)
{
	(void)state;
	assert_int_equal(rotation_after(0), 1);
	assert_int_equal(rotation_after(999999998), 999999999);
	assert_int_equal(rotation_after(999999999), 0);
	assert_int_equal(rotation_after(UINT32_MAX), 0);
	assert_int_not_equal(rotation_slot(rotation_after(999999999)),
			     rotation_slot(999999999));
}

static void test_a_node_begins_with_what_most_say(void **state)
{
	uint32_t none[1], two[] = {999999999, 7}, some[] = {8, 0, 7, 999999999, 7, 0, 8};

	(void)state;
	assert_int_equal(rotation_first(none, 0), 0);
	assert_int_equal(rotation_first(two, 2), 7);
	assert_int_equal(rotation_first(some, ARRAY_SIZE(some)), 7);
}

static void test_nodes_have_periods_of_their_own(void **state)
{
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	for (char c = 'a'; c <= 'z'; c++) {
		const char name[] = {'n', 'o', 'd', 'e', '-', c, '\0'};
		int64_t period = rotation_period(30, name);

		assert_int_equal(rotation_period(30, name), period);
		assert_in_range(period, 30 * DAY, 33 * DAY - 1);
		least = period < least ? period : least;
		most = period > most ? period : most;
	}
	assert_true(most - least > DAY);
	assert_in_range(rotation_period(3650, "node"), 3650LL * DAY, 4015LL * DAY);
}

/* -- clusters: time goes by in steps of a second. Each node learns what another one says
 * after a delay; hands are shaken where both have each other's newest keys. */

#define NODES	5
#define SECONDS (12 * DAY)

struct said {
	uint32_t generation;
	uint32_t keys[WIREGUARD_SLOTS];
};

struct member {
	struct said own, known[NODES]; /* what the others say, as far as it knows */
	int64_t made[WIREGUARD_SLOTS], unblocked_at, period;
	int uses[NODES]; /* the slot that it sends by */
	uint32_t seen[NODES][WIREGUARD_SLOTS][2]; /* the keys hands were shaken with */
};

static bool is_seen(const struct member *a, int b, int slot)
{
	return a->seen[b][slot][0] == a->own.keys[slot] &&
	       a->seen[b][slot][1] == a->known[b].keys[slot];
}

static void learn(struct member *members, int a, int b, bool away)
{
	if (!away && rand() % 7 == 0)
		members[a].known[b] = members[b].own;
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++) {
		if (members[a].known[b].keys[slot] != members[b].own.keys[slot] ||
		    members[b].known[a].keys[slot] != members[a].own.keys[slot])
			continue;
		members[a].seen[b][slot][0] = members[b].seen[a][slot][1] =
			members[a].own.keys[slot];
		members[a].seen[b][slot][1] = members[b].seen[a][slot][0] =
			members[b].own.keys[slot];
	}
}

static bool look(struct member *members, int a, int64_t now)
{
	struct member *it = &members[a];
	struct rotation_state at = {
		.days = 1,
		.period = it->period,
		.generation = it->own.generation,
	};
	int other = rotation_slot(it->own.generation + 1);
	enum rotation_step step;

	for (int b = 0; b < NODES; b++) {
		struct rotation_pair pair = {{true, true},
					     it->known[b].generation,
					     {is_seen(it, b, 0), is_seen(it, b, 1)}};

		if (b == a)
			continue;
		it->uses[b] = rotation_choose(it->own.generation, &pair);
		at.blocked |= rotation_blocked(it->own.generation, other, &pair);
	}
	it->unblocked_at = at.blocked ? now : it->unblocked_at;
	at.unblocked_ms = (now - it->unblocked_at) * 1000;
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		at.age[slot] = now - it->made[slot];
	step = rotation_next(&at);
	if (step == ROTATION_NEW_KEY) {
		it->own.keys[other]++;
		it->made[other] = now;
	}
	if (step == ROTATION_NEW_KEY || step == ROTATION_NEXT)
		it->own.generation++;
	return step == ROTATION_NEW_KEY;
}

/* Packets of @a for @b come through: both devices have each other's keys. */
static void assert_reaches(const struct member *members, int a, int b)
{
	int slot = members[a].uses[b];

	assert_int_equal(members[a].known[b].keys[slot], members[b].own.keys[slot]);
	assert_int_equal(members[b].known[a].keys[slot], members[a].own.keys[slot]);
}

/* Returns how many keys were replaced. @away: of this node nothing is heard, and it hears
 * nothing, from the second day on; -1: none. */
static size_t live(unsigned int seed, int away, bool at_once)
{
	static struct member members[NODES];
	size_t renewed = 0;

	srand(seed);
	memset(members, 0, sizeof(members));
	for (int a = 0; a < NODES; a++) {
		members[a].period = DAY + (at_once ? 0 : rand() % (DAY / 10));
		members[a].made[0] = members[a].made[1] = at_once ? 0 : -(rand() % DAY);
		for (int b = 0; b < NODES; b++)
			members[a].known[b].keys[0] = members[a].known[b].keys[1] =
				members[a].own.keys[0] = members[a].own.keys[1] = 1;
	}
	for (int64_t now = 0; now < SECONDS; now++) {
		for (int a = 0; a < NODES; a++)
			for (int b = 0; b < NODES; b++)
				if (b != a)
					learn(members, a, b,
					      now > 2 * DAY && (a == away || b == away));
		for (int a = 0; a < NODES; a++)
			if ((now + a) % 5 == 0 && !(now > 2 * DAY && a == away))
				renewed += look(members, a, now);
		for (int a = 0; a < NODES; a++)
			for (int b = 0; b < NODES; b++)
				if (b != a)
					assert_reaches(members, a, b);
	}
	return renewed;
}

static void test_no_packet_is_lost_whatever_the_nodes_learn_late(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 2; seed++) {
		/* A key a day, and up to a tenth more, and the first may be two. */
		assert_in_range(live(seed, -1, false), 9 * NODES, 12 * NODES);
		assert_in_range(live(seed, -1, true), 10 * NODES, 12 * NODES);
	}
}

/* It goes on by the key that it knows, and the others make one more key at most. */
static void test_a_node_that_is_away_loses_no_packet_and_holds_the_others(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 2; seed++)
		assert_in_range(live(seed, 0, false), NODES, 4 * NODES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_two_nodes_use_the_slot_of_the_generation_that_both_have),
		cmocka_unit_test(test_a_key_in_use_blocks),
		cmocka_unit_test(test_a_step_is_taken_when_its_time_has_come),
		cmocka_unit_test(test_slots_go_on_in_turn_behind_the_last_generation),
		cmocka_unit_test(test_a_node_begins_with_what_most_say),
		cmocka_unit_test(test_nodes_have_periods_of_their_own),
		cmocka_unit_test(test_no_packet_is_lost_whatever_the_nodes_learn_late),
		cmocka_unit_test(
			test_a_node_that_is_away_loses_no_packet_and_holds_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
