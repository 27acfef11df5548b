/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one error object: what went wrong, in the words and with the code that the runtime
 * is given. It is filled where the error is met, given context on the way up, and printed
 * once, by main.c.
 *
 * Every function with a "struct cni_error *err" parameter takes NULL, too: its result
 * alone tells such a caller of a failure. So do the functions below.
 */
#ifndef BRIDGE_CNI_CONF_BASE_ERROR_H
#define BRIDGE_CNI_CONF_BASE_ERROR_H

#include <stddef.h>

#include "util.h"

/* Codes of the CNI specification (SPEC.md, "Error"), then our own from 100 on. */
enum cni_code {
	CNI_ERR_VERSION = 1,
	CNI_ERR_UNSUPPORTED_FIELD = 2,
	CNI_ERR_UNKNOWN_CONTAINER = 3,
	CNI_ERR_ENVIRONMENT = 4,
	CNI_ERR_IO = 5,
	CNI_ERR_JSON = 6,
	CNI_ERR_CONFIG = 7,
	CNI_ERR_NETNS = 8, /* CNI_NETNS is the node's own namespace */
	CNI_ERR_TRY_AGAIN = 11,
	CNI_ERR_UNAVAILABLE = 50, /* STATUS: no ADD can succeed; ADD: draining */
	CNI_ERR_LIMITED = 51, /* STATUS: the same, and running pods suffer, too */

	CNI_ERR_INTERNAL = 100, /* out of memory, a broken invariant */
	CNI_ERR_KERNEL = 101, /* the kernel refused a change */
	CNI_ERR_EXHAUSTED = 102, /* no free address in a range set */
	CNI_ERR_EXISTS = 103, /* what ADD would make is there already, somebody else's */
	CNI_ERR_CHECK = 104, /* CHECK: something differs from what ADD left */
	CNI_ERR_RULES = 105, /* nftables refused a change */
	CNI_ERR_DELEGATE = 106, /* a delegated IPAM plugin misbehaved */
};

#define ERROR_MSG_MAX	  2048
#define ERROR_DETAILS_MAX 1024

/* code 0: no error set. Zero-initialise it: struct cni_error err = {}; */
struct cni_error {
	int code;
	char msg[ERROR_MSG_MAX];
	char details[ERROR_DETAILS_MAX]; /* "" when there is nothing to add */
};

/*
 * Sets @err, which must not be set yet (asserted). Text that doesn't fit is cut, bytes
 * that are not UTF-8 become '?'.
 * @errnum: positive errno that tells the caller what it was. Returns -@errnum.
 */
int error_set(struct cni_error *err, int code, int errnum, const char *fmt, ...)
	_printf_(4, 5);

/*
 * The same for a failed system call: the message ends in ": " and strerror(@errnum), the
 * details name the errno symbolically ("errno 28 (ENOSPC)").
 */
int error_errno(struct cni_error *err, int code, int errnum, const char *fmt, ...)
	_printf_(4, 5);

/* Out of memory: code 100, returns -ENOMEM. */
int error_oom(struct cni_error *err);

/* Adds to the details, separated by "; ". */
void error_details(struct cni_error *err, const char *fmt, ...) _printf_(2, 3);

/* Puts "context: " in front of the message; code and details stay. */
void error_wrap(struct cni_error *err, const char *fmt, ...) _printf_(2, 3);

/* Gives another code to an error that is set. */
static inline void error_recode(struct cni_error *err, int code)
{
	if (err)
		err->code = code;
}

/* Makes @err a copy of @from, whatever it was before. */
static inline void error_copy(struct cni_error *err, const struct cni_error *from)
{
	if (err)
		*err = *from;
}

/* Forgets an error that turned out to be none. Returns 0. */
static inline int error_clear(struct cni_error *err)
{
	if (!err)
		return 0;
	err->code = 0;
	err->msg[0] = err->details[0] = '\0';
	return 0;
}

#endif
