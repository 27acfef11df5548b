/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the API server sends: the filter in front, and the documents that it lets through.
 * The input's first byte says whether it is a list (even) or a watch, and how it is cut.
 */
#include "fuzz.h"

#include "deploy/agent/api/node_object.h"

struct seen {
	bool watch;
	size_t n;
	uint64_t sum; /* of all documents, in order */
};

static int take(enum filter_doc kind, const char *text, size_t len, void *data,
		struct cni_error *err)
{
	struct seen *seen = data;
	struct node_object node;
	struct list_page page;
	struct watch_event event;
	struct cni_error own = {};
	int ret;

	(void)err;
	seen->n++;
	PROMISE(!text || len <= FILTER_DOC_MAX);
	for (size_t i = 0; i < len; i++)
		seen->sum = seen->sum * 31 + (unsigned char)text[i];
	if (!text)
		return 0;
	PROMISE(text[0] == '{' || text[0] == '[');
	if (seen->watch)
		ret = watch_event_read(text, len, &event, &own);
	else if (kind == FILTER_ENTRY)
		ret = node_object_read(text, len, &node, &own);
	else
		ret = list_page_read(text, len, &page, &own);
	fuzz_promise_error(ret, &own);
	return 0;
}

/* Fed in pieces of @step bytes; returns what json_filter_feed() did. */
static int parse(const uint8_t *data, size_t size, size_t step, bool watch,
		 struct seen *seen)
{
	static struct json_filter filter;
	struct cni_error err = {};
	int ret = 0;

	*seen = (struct seen){.watch = watch};
	json_filter_init(&filter, watch ? watch_keys : list_keys, take, seen);
	for (size_t at = 0; ret == 0 && at < size; at += step)
		ret = json_filter_feed(&filter, (const char *)data + at,
				       size - at < step ? size - at : step, &err);
	fuzz_promise_error(ret, &err);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, cut;
	int ret;

	if (size < 2)
		return 0;
	ret = parse(data + 1, size - 1, size, data[0] & 1, &whole);
	/* Where the network cuts it makes no difference. */
	PROMISE(parse(data + 1, size - 1, 1 + (data[0] >> 1), data[0] & 1, &cut) == ret);
	PROMISE(whole.n == cut.n && whole.sum == cut.sum);
	return 0;
}
