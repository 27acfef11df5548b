/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pause before a server is asked again. Chance is part of it, so that the
 * agents of all nodes, which have lost one server at once, don't come back at once.
 */
#ifndef BRIDGE_CNI_AGENT_API_RETRY_H
#define BRIDGE_CNI_AGENT_API_RETRY_H

#include <stdint.h>

#define RETRY_FIRST_MS 500 /* the first pause */

struct retry {
	unsigned int max_ms; /* the longest pause */
	unsigned int failed; /* attempts in a row that have failed */
};

/*
 * Counts a failed attempt. Returns the pause before the next one, in milliseconds: twice
 * as long each time, and at random between half and all of that; but not shorter than
 * @wished_seconds, which the server has asked for (0: it hasn't), as far as that is
 * within the longest pause.
 */
unsigned int retry_next_ms(struct retry *retry, int64_t wished_seconds);

/* A random number from 0 to @limit - 1; 0 where @limit is 0. */
unsigned int random_below(unsigned int limit);

#endif
