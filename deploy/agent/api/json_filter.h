/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The API server's bytes to small JSON documents, as they come: a filter that passes on
 * only the keys wanted, so that a Node of 30 KB becomes 300 bytes, a list of any length is
 * read in constant memory, and what a kubelet writes into its Node (annotations, images)
 * is within nobody's limits. What a document means is node_object.c's.
 */
#ifndef BRIDGE_CNI_AGENT_JSON_FILTER_H
#define BRIDGE_CNI_AGENT_JSON_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/base/error.h"

#define WATCH_DOC_MAX	32768 /* bytes of a document, filtered */
#define WATCH_DEPTH_MAX 64
#define WATCH_KEY_MAX	32 /* a longer key is none that is wanted */

/* A list of these ends in one without a key. Keys are compared as they are written. */
struct watch_key {
	const char *key;
	const struct watch_key *inner; /* of the value (of each entry); NULL: all of it */
	bool each; /* entries of the list are documents of their own */
};

enum watch_doc {
	WATCH_DOC, /* one that stands by itself: an event, or what surrounds the entries */
	WATCH_ENTRY, /* of a list whose key has @each */
};

/*
 * One filtered document; @text NULL: it was longer than WATCH_DOC_MAX. Returns < 0 with the
 * error set to end the parsing.
 */
typedef int (*watch_doc_fn)(enum watch_doc kind, const char *text, size_t len, void *data,
			    struct cni_error *err);

struct watch_level {
	const struct watch_key *keys; /* of the values in here; NULL: all */
	char close; /* ']' or '}' */
	bool pass; /* is written at all */
	bool behind_entry; /* something was: a comma is due */
	bool each;
	bool document; /* its end ends a document */
};

/* Only watch_parse.c looks inside. */
struct watch_parser {
	const struct watch_key *keys;
	watch_doc_fn fn;
	void *data;
	int state;
	bool string_is_key, escaped, pass; /* pass: of the value that is being read */
	const struct watch_key *value; /* the wanted key that it belongs to */
	char key[WATCH_KEY_MAX];
	size_t key_len; /* WATCH_KEY_MAX: too long to be wanted */
	struct watch_level levels[WATCH_DEPTH_MAX];
	size_t depth;
	char doc[WATCH_DOC_MAX];
	size_t len, outer_len; /* outer_len: of what surrounds the entry being read */
	bool too_long, outer_too_long;
};

void watch_parser_init(struct watch_parser *parser, const struct watch_key *keys,
		       watch_doc_fn fn, void *data);

/*
 * Takes the next bytes, cut anywhere. Code 6: this is no sequence of JSON objects, or they are
 * nested too deeply. What is left out is looked at only as far as brackets and strings go.
 */
int watch_parse(struct watch_parser *parser, const char *bytes, size_t len,
		struct cni_error *err);

/* Did the bytes end between two documents? */
bool watch_parser_is_between(const struct watch_parser *parser);

#endif
