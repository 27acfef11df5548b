/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cuts the API server's bytes, as they come, into small JSON documents: a filter that
 * passes on only the keys that are wanted. So a Node of 30 KB becomes 300 bytes, a list
 * of any length is read in constant memory, and what a kubelet writes into its Node
 * (annotations, images) is within nobody's limits. node_object.h knows what a document
 * means.
 */
#ifndef BRIDGE_CNI_AGENT_API_JSON_FILTER_H
#define BRIDGE_CNI_AGENT_API_JSON_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/base/error.h"

#define FILTER_DOC_MAX	 32768 /* bytes of a document, filtered */
#define FILTER_DEPTH_MAX 64 /* how deeply brackets may be nested */
#define FILTER_KEY_MAX	 320 /* bytes; a longer key is not one that is wanted */

/* A key that is wanted. An array of these ends with one whose @key is NULL. Keys are
 * compared as they are written: one with an escape is another key. */
struct filter_key {
	const char *key;
	const struct filter_key *inner; /* wanted of the value, or of each of its entries;
					   NULL: all of it */
	bool each; /* each entry of the list becomes a document of its own */
	/* 0, or: the value is to be a string of at most so many bytes, as it is written,
	 * without a NUL. Another value is passed on as false. */
	size_t text_max;
};

enum filter_doc {
	FILTER_DOC, /* a text by itself: an event, or all of a list but its entries */
	FILTER_ENTRY, /* an entry of a list whose key has @each */
};

/*
 * Gets one filtered document, whose @text is not ended by a NUL and valid until the
 * function returns; @text NULL: the document was longer than FILTER_DOC_MAX. @data is
 * that of json_filter_init(). Returns 0, or < 0 with the error set to end the work.
 */
typedef int (*filter_doc_fn)(enum filter_doc kind, const char *text, size_t len,
			     void *data, struct cni_error *err);

/* A bracket that is open. */
struct filter_level {
	const struct filter_key *keys; /* wanted in it; NULL: all */
	char close; /* the bracket that ends it: ']' or '}' */
	bool pass; /* it is passed on at all */
	bool behind_entry; /* something in it was passed on: a comma is due */
	bool each; /* its entries are documents of their own */
	bool document; /* its end ends a document */
};

/* Only json_filter.c looks inside. */
struct json_filter {
	const struct filter_key *keys;
	filter_doc_fn fn;
	void *data;
	int state;
	bool string_is_key, escaped;
	bool pass; /* the value that is being read is passed on */
	const struct filter_key *value; /* the wanted key that the value belongs to */
	char key[FILTER_KEY_MAX];
	size_t key_len; /* FILTER_KEY_MAX: the key is too long to be wanted */
	struct filter_level levels[FILTER_DEPTH_MAX];
	size_t depth;
	char doc[FILTER_DOC_MAX];
	size_t len;
	bool too_long;
	/* @len and @too_long before the value of a key with @text_max, and how many bytes
	 * of it have come. */
	size_t text_at, text_len;
	bool text_too_long;
	size_t outer_len; /* @len and @too_long of what surrounds the entry being read */
	bool outer_too_long;
};

/* Begins anew. @keys are wanted of the objects at the top; each document goes to @fn. */
void json_filter_init(struct json_filter *filter, const struct filter_key *keys,
		      filter_doc_fn fn, void *data);

/*
 * Takes the next bytes, which may be cut anywhere. Of what is left out only brackets and
 * strings are looked at. Code 6: this is no sequence of JSON objects, or they are nested
 * too deeply; else what @fn returns. After an error json_filter_init() must begin anew.
 */
int json_filter_feed(struct json_filter *filter, const char *bytes, size_t len,
		     struct cni_error *err);

/* True: the bytes so far have ended between two documents. */
bool json_filter_is_between(const struct json_filter *filter);

#endif
