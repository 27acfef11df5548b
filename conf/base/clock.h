/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock that only goes forward (CLOCK_MONOTONIC), for deadlines and for what takes
 * how long. */
#ifndef BRIDGE_CNI_CONF_BASE_CLOCK_H
#define BRIDGE_CNI_CONF_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t now_ms(void)
{
	return now_us() / 1000;
}

#endif
