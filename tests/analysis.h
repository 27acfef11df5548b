/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What analyzers that see one file at a time can't know: that what sets an error fails,
 * and that an error has a number. Included in front of every file but conf/base/error.c by
 * tests/analyze, never by a build.
 */
#ifndef BRIDGE_CNI_TESTS_ANALYSIS_H
#define BRIDGE_CNI_TESTS_ANALYSIS_H

#include <errno.h>

#include "conf/base/error.h"

static inline int *analysis_errno(void)
{
	int *location = __errno_location();

	if (*location <= 0)
		__builtin_unreachable();
	return location;
}

#undef errno
#define errno (*analysis_errno())

static inline int analysis_failed(int ret)
{
	(void)ret;
	return -1;
}

#define error_set(...)	 analysis_failed(error_set(__VA_ARGS__))
#define error_errno(...) analysis_failed(error_errno(__VA_ARGS__))
#define error_oom(...)	 analysis_failed(error_oom(__VA_ARGS__))

#endif
