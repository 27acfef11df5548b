/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only user of cJSON: JSON text to a checked document, and a document to C structures
 * by tables. C data to JSON text is json_write.h's.
 */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_H
#define BRIDGE_CNI_CONF_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/error.h"

#define JSON_TEXT_MAX	(1024 * 1024) /* stdin, bytes */
#define JSON_DEPTH_MAX	32
#define JSON_STRING_MAX 4096 /* bytes of a string, unescaped */
#define JSON_NUMBER_MAX 63 /* characters; cJSON's own limit, which it doesn't report */

struct json_doc;

/*
 * Parses @len bytes that hold one JSON object and nothing else. Refused with code 6:
 * broken JSON, more than the limits above, a NUL inside a string (raw or \u0000),
 * invalid UTF-8. The document owns all strings that are read out of it.
 */
int json_parse(const char *text, size_t len, struct json_doc **ret_doc,
	       struct cni_error *err);
void json_doc_free(struct json_doc *doc);
static inline void json_doc_freep(struct json_doc **doc)
{
	json_doc_free(*doc);
}

/*
 * The grammar and the limits alone, by one pass over the text that allocates nothing
 * (RFC 8259; cJSON takes more than that). Code 6 with line and column.
 */
int json_scan(const char *text, size_t len, struct cni_error *err);

/* What a value is read into. */
enum json_kind {
	JSON_TEXT, /* const char *, borrowed from the document */
	JSON_BOOL, /* bool */
	JSON_U8, /* uint8_t */
	JSON_U32, /* uint32_t */
	JSON_U64, /* uint64_t; at most 2^53: JSON's numbers are read as doubles */
	JSON_IP, /* struct ip_addr; an empty string counts as absent, as in Go */
	JSON_PREFIX, /* struct ip_prefix, host bits kept */
	JSON_OBJECT, /* a structure, by its fields; unknown keys are ignored */
	JSON_LIST, /* struct json_list or one of the same layout: the array is owned */
};

struct json_list {
	void *items;
	size_t n;
};

/* Where in the document a value stands, for messages: "ipam.ranges[0][1].rangeEnd". */
struct json_path {
	const struct json_path *parent; /* NULL: the document itself */
	const char *key; /* NULL: entry @index of a list */
	size_t index;
};

/* As text, cut where it doesn't fit. Returns @buf. */
#define JSON_PATH_MAX 256
const char *json_path_format(const struct json_path *path, char buf[JSON_PATH_MAX]);

struct json_field {
	const char *key;
	const struct json_type *type;
	size_t offset; /* in the object's structure */
	bool required;
	size_t set_offset; /* of a bool that says whether the key is there; 0: none */
};

struct json_type {
	enum json_kind kind;
	uint64_t min, max; /* integers: the value; lists: at most max entries */
	bool or_zero; /* 0 is right, too: it means 'not given' */
	const struct json_field *fields; /* objects */
	size_t n_fields;
	const struct json_type *item; /* lists */
	size_t item_size;
	/* Judges (and may complete) what was read; sets errors by json_error(). */
	int (*check)(void *value, const struct json_path *path, struct cni_error *err);
};

/*
 * Reads the document by the @type of its top-level object into a structure @ret, whose
 * members stay as they are where keys are absent or null. Keys match in any case, as
 * Go's encoding/json has it; one that is there twice is refused. Code 7 with path, value
 * and expectation; then what had been read is cleared again by json_clear().
 */
int json_read(const struct json_doc *doc, const struct json_type *type, void *ret,
	      struct cni_error *err);

/* Has the document a key of that name (in any case) whose value is a list? */
bool json_has_list(const struct json_doc *doc, const char *key);

/* The string that the object under @key has under @member; NULL: there is none. */
const char *json_member_text(const struct json_doc *doc, const char *key,
			     const char *member);

/* The first key but @except, with a value that isn't null, of the object under @key; NULL:
 * there is none. */
const char *json_other_member(const struct json_doc *doc, const char *key,
			      const char *except);

/*
 * Calls @fn for each key that no table knows, with the tables of the object that it stands
 * in: @n @roots are those of the document, each of which reads a part of it. Goes into what
 * the tables go into.
 */
typedef void (*json_unknown_fn)(const struct json_path *path,
				const struct json_type *const *tables, size_t n,
				void *data);
void json_unknown_keys(const struct json_doc *doc, const struct json_type *const *roots,
		       size_t n, json_unknown_fn fn, void *data);

/*
 * Entry @index of the document's list @list, an object, as text that the caller frees. The
 * document's own @keys (the last NULL) stand in it in place of its: absent where the
 * document has none. NULL: out of memory.
 */
char *json_entry_text(const struct json_doc *doc, const char *list, size_t index,
		      const char *const *keys);

/* Frees all lists of a structure that was read (or half read, or zeroed). */
void json_clear(const struct json_type *type, void *value);

/* Sets code 7, "path.key: message"; @key NULL: the path alone. Returns -EINVAL. */
int json_error(const struct json_path *path, const char *key, struct cni_error *err,
	       const char *fmt, ...) _printf_(4, 5);

#endif
