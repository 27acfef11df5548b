/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decisions on times and generations alone. */
#include "wireguard_rotation.h"

#include <stdlib.h>

#define DAY 86400
/* The other side of a pair may move to a slot later than this one. */
#define SETTLED_MS (60 * 1000)

static int by_number(const void *a, const void *b)
{
	const uint32_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

uint32_t rotation_first(uint32_t *said, size_t n)
{
	qsort(said, n, sizeof(*said), by_number);
	return n ? said[(n - 1) / 2] : 0;
}

static bool has_two(const struct rotation_pair *pair)
{
	return pair->has[0] && pair->has[1];
}

int rotation_target(uint32_t own, const struct rotation_pair *pair)
{
	if (!has_two(pair))
		return pair->has[1];
	return rotation_slot(own < pair->generation ? own : pair->generation);
}

int rotation_choose(uint32_t own, const struct rotation_pair *pair)
{
	int target = rotation_target(own, pair);

	return has_two(pair) && !pair->seen[target] && pair->seen[!target] ? !target
									   : target;
}

bool rotation_blocked(uint32_t own, int slot, const struct rotation_pair *pair)
{
	/* A node that is off has shaken hands nowhere, and uses nothing. */
	return rotation_target(own, pair) == slot || rotation_choose(own, pair) == slot;
}

/* FNV-1a */
static uint32_t hash(const char *text)
{
	uint32_t value = 2166136261;

	for (; *text; text++)
		value = (value ^ (uint8_t)*text) * 16777619;
	return value;
}

int64_t rotation_period(uint32_t days, const char *node)
{
	int64_t period = (int64_t)days * DAY;

	return period + hash(node) % (period / 10);
}

enum rotation_step rotation_next(const struct rotation_state *state)
{
	int current = rotation_slot(state->generation);
	/* Nodes whose period is the longest have had their time, and an hour. */
	int64_t late = (int64_t)state->days * (DAY + DAY / 10) + 3600;

	if (state->age[current] < state->period)
		return ROTATION_NONE;
	/* The second device is new, or this process' forerunner was killed in between. */
	if (state->age[!current] < state->period)
		return ROTATION_NEXT;
	if (state->blocked)
		return state->age[current] < late ? ROTATION_NONE : ROTATION_WAITS;
	return state->unblocked_ms < SETTLED_MS ? ROTATION_NONE : ROTATION_NEW_KEY;
}
