/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fuzz target is: one function, which takes any bytes and aborts where a promise
 * of a header is broken. libFuzzer calls it with what it makes up (make fuzz), replay.c
 * with the files of corpus/ (make check).
 */
#ifndef BRIDGE_CNI_TESTS_FUZZ_H
#define BRIDGE_CNI_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/error.h"
#include "conf/json/json_doc.h"
#include "conf/json/json_scan.h"
#include "conf/result.h"

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() that no NDEBUG turns off. */
#define PROMISE(condition)                                                       \
	do {                                                                     \
		if (!(condition)) {                                              \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, \
				__LINE__, #condition);                           \
			abort();                                                 \
		}                                                                \
	} while (0)

/* It is one JSON object within our own limits. Frees it. */
static inline void fuzz_promise_json(char *text)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct cni_error err = {};

	PROMISE(text != NULL);
	if (strlen(text) <= JSON_TEXT_MAX)
		PROMISE(json_parse(text, strlen(text), &doc, &err) == 0);
	free(text);
}

/*
 * An error is set exactly where a function failed, can be printed, and isn't 'out of
 * memory', which here can only be a mistake about what may fail.
 */
static inline void fuzz_promise_error(int ret, const struct cni_error *err)
{
	PROMISE(ret <= 0);
	PROMISE((ret < 0) == (err->code != 0));
	PROMISE(err->code != CNI_ERR_INTERNAL);
	if (ret == 0)
		return;
	PROMISE(err->msg[0] != '\0');
	fuzz_promise_json(error_text(err, CNI_1_1_0));
}

/* A result can be printed in every version. */
static inline void fuzz_promise_result(const struct cni_result *result)
{
	for (int version = 0; version < CNI_VERSIONS; version++)
		fuzz_promise_json(result_text(result, version));
}

#endif
