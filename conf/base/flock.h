/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flock() with a bounded wait: a hung process that holds a lock must not hang every pod
 * of the node with it.
 */
#ifndef BRIDGE_CNI_CONF_BASE_FLOCK_H
#define BRIDGE_CNI_CONF_BASE_FLOCK_H

#include <stdbool.h>

/*
 * Takes flock(@fd, @operation) (LOCK_EX or LOCK_SH) and waits at most @wait_ms
 * milliseconds for it (0: not at all). Uses SIGALRM and ITIMER_REAL while it waits and
 * puts both back. 0, -ETIMEDOUT, or what flock(2) says.
 */
int flock_wait(int fd, int operation, unsigned int wait_ms);

/* Does this errno of open() say that no new file can be made there? Then nobody else has
 * made the lock's, either, and holds it. */
bool lock_has_no_room(int errnum);

#endif
