/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A prevResult of whichever version. The input is the value of that key; what is read is
 * printed in every version, read again, and then prints the same.
 */
#include "fuzz.h"

#include "conf/config.h"

#define BEFORE "{\"cniVersion\":\"1.1.0\",\"name\":\"pods\",\"prevResult\":"

/* The document that has @result in it; NULL where it can't be had. */
static struct json_doc *wrap(const void *result, size_t len)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(free_p) char *text = malloc(sizeof(BEFORE) + len);
	struct cni_error err = {};
	size_t before = sizeof(BEFORE) - 1;

	PROMISE(text != NULL);
	memcpy(text, BEFORE, before);
	memcpy(text + before, result, len);
	text[before + len] = '}';
	fuzz_promise_error(json_parse(text, before + len + 1, &doc, &err), &err);
	return TAKE_PTR(doc);
}

static int read_result(const struct json_doc *doc, struct pod *ret_pod)
{
	_cleanup_(network_clear) struct network network = {};
	struct cni_error err = {};
	int ret = config_read(doc, CONFIG_WHOLE, &network, ret_pod, &err);

	fuzz_promise_error(ret, &err);
	return ret;
}

static void promise_round_trip(const struct cni_result *result, enum cni_version version)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(pod_clear) struct pod pod = {};
	_cleanup_(free_p) char *first = result_text(result, version), *second = NULL;

	PROMISE(first != NULL);
	if (strlen(first) > JSON_TEXT_MAX - sizeof(BEFORE))
		return;
	doc = wrap(first, strlen(first));
	PROMISE(doc && read_result(doc, &pod) == 0);
	second = result_text(&pod.prev_result, version);
	PROMISE(second && strcmp(first, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(pod_clear) struct pod pod = {};

	doc = wrap(data, size);
	if (!doc || read_result(doc, &pod) < 0)
		return 0;
	for (int version = 0; version < CNI_VERSIONS; version++)
		promise_round_trip(&pod.prev_result, version);
	return 0;
}
