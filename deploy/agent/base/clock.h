/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock by which the agent plans its work. */
#ifndef BRIDGE_CNI_AGENT_BASE_CLOCK_H
#define BRIDGE_CNI_AGENT_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC, which only goes forward. */
int64_t now_ms(void);

#endif
