/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processor time counts, so that a busy machine makes no rest longer. */
#include "pace.h"

#include <time.h>

#include "conf/base/clock.h"

#define REST_TIMES  10
#define REST_MIN_MS 100
#define REST_MAX_MS 1000

int64_t pace_begin(void)
{
	struct timespec used = {};

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

int64_t pace_end(int64_t began)
{
	int64_t rest = REST_TIMES * (pace_begin() - began) / 1000;

	if (rest < REST_MIN_MS)
		rest = REST_MIN_MS;
	return now_ms() + (rest < REST_MAX_MS ? rest : REST_MAX_MS);
}
