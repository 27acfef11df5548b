/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rests between work that may be asked for all the time. */
#ifndef BRIDGE_CNI_AGENT_BASE_PACE_H
#define BRIDGE_CNI_AGENT_BASE_PACE_H

#include <stdint.h>

/* The processor time that this process has used, in microseconds. */
int64_t pace_begin(void);

/*
 * The work that began at @began, by pace_begin(), has ended. Gives the time by now_ms()
 * before which it is not to be done again: ten times the processor time that it took
 * passes, so that it takes a tenth of a processor at most; and at least a tenth of a
 * second, as it writes lines into the log, but never more than a second.
 */
int64_t pace_end(int64_t began);

#endif
