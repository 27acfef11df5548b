/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ownership helpers shared by the whole tree: cleanup attributes, visible moves of
 * ownership, array sizes. Nothing here knows about CNI.
 */
#ifndef BRIDGE_CNI_CONF_BASE_UTIL_H
#define BRIDGE_CNI_CONF_BASE_UTIL_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Runs @f on a pointer to the variable when the variable goes out of scope. */
#define _cleanup_(f) __attribute__((cleanup(f)))

/*
 * For a function that is rarely called and needs much room on the stack, as for a second
 * error. Inlined, it would make its caller's frame that large. Every call touches its
 * frame page by page (-fstack-clash-protection), and short processes spend their time on
 * pages.
 */
#define _noinline_ __attribute__((noinline))

#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

/* Hands a pointer (a descriptor) to a new owner and leaves NULL (-1) behind. */
#define TAKE_PTR(p)                                 \
	({                                          \
		__typeof__(p) take_ptr_value = (p); \
		(p) = NULL;                         \
		take_ptr_value;                     \
	})
#define TAKE_FD(fd)                       \
	({                                \
		int take_fd_value = (fd); \
		(fd) = -1;                \
		take_fd_value;            \
	})

static inline void free_p(void *p)
{
	free(*(void **)p);
}

static inline void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
