/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock by which the agent plans its work. */
#include "clock.h"

#include <time.h>

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
