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

#define FLOCK_TELL_MS 2000 /* so long a person waits without a word */

/* Tells a person that the lock of this file is waited for, for so many more seconds at
 * most. */
typedef void (*flock_tell_fn)(const char *path, unsigned int seconds);

/* The same, where somebody may wait for the outcome: after FLOCK_TELL_MS @tell is called. NULL:
 * nobody is told. @path: of the lock's file. */
int flock_wait_telling(int fd, int operation, unsigned int wait_ms, flock_tell_fn tell,
		       const char *path);

/* Does this errno of open() say that no new file can be made there? Then nobody else has
 * made the lock's, either, and holds it. */
bool lock_has_no_room(int errnum);

#endif
