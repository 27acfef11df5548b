/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exponential backoff with jitter. */
#include "retry.h"

#include <sys/random.h>

#include "conf/base/clock.h"

unsigned int random_below(unsigned int limit)
{
	unsigned int value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) < 0)
		value = (unsigned int)now_ms();
	return limit ? value % limit : 0;
}

unsigned int retry_next_ms(struct retry *retry, int64_t wished_seconds)
{
	unsigned int max = retry->max_ms, ms = RETRY_FIRST_MS;

	for (unsigned int i = 0; i < retry->failed && ms < max; i++)
		ms *= 2;
	if (ms > max)
		ms = max;
	ms = ms / 2 + random_below(ms / 2 + 1);
	if (wished_seconds >= max / 1000)
		ms = max;
	else if (wished_seconds * 1000 > ms)
		ms = (unsigned int)wished_seconds * 1000;
	retry->failed++;
	return ms;
}
