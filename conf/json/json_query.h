/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about a document that reading it by tables does not answer. */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_QUERY_H
#define BRIDGE_CNI_CONF_JSON_JSON_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "json_path.h"

struct json_doc;
struct json_type;

/* Has the document a key of that name (in any case) whose value is a list? */
bool json_has_list(const struct json_doc *doc, const char *key);

/* Returns the string that the object under @key has under @member; NULL: there is
 * none. */
const char *json_member_text(const struct json_doc *doc, const char *key,
			     const char *member);

/* Returns the first key of the object under @key that is not @except, and whose value
 * isn't null. NULL: there is none. */
const char *json_other_member(const struct json_doc *doc, const char *key,
			      const char *except);

/*
 * Calls @fn for each key that no table knows, with the tables of the object that it
 * stands in: @n @roots are those of the document, each of which reads a part of it. Goes
 * into what the tables go into.
 */
typedef void (*json_unknown_fn)(const struct json_path *path,
				const struct json_type *const *tables, size_t n,
				void *data);
void json_unknown_keys(const struct json_doc *doc, const struct json_type *const *roots,
		       size_t n, json_unknown_fn fn, void *data);

/*
 * Gives the text that the document has below @keys, the last of them NULL: the member of
 * a member, and so on. NULL: it is absent or null. -EINVAL: what is there is no string,
 * or on the way to it there is no object.
 */
int json_text_at(const struct json_doc *doc, const char *const *keys,
		 const char **ret_text);

/* Has the document a value other than null below @keys, the last of them NULL: the member
 * of a member, and so on? */
bool json_has_at(const struct json_doc *doc, const char *const *keys);

/* Returns the key as the document spells it, whose case may be another; NULL: the document
 * doesn't have it. */
const char *json_spelling(const struct json_doc *doc, const char *key);

/* Calls @fn for each value of the document that is null, wherever it stands. */
typedef void (*json_null_fn)(const struct json_path *path, void *data);
void json_null_values(const struct json_doc *doc, json_null_fn fn, void *data);

/*
 * Returns entry @index of the document's list @list, an object, as text that the caller
 * frees. The document's own values of @keys (the last NULL) replace those of the entry; a
 * key that the document doesn't have is absent. NULL: memory ran out.
 */
char *json_entry_text(const struct json_doc *doc, const char *list, size_t index,
		      const char *const *keys);

/* Returns the document as text that the caller frees, with @key true in entry @index of
 * its list @list, an object. NULL: memory ran out. */
char *json_text_with_true(const struct json_doc *doc, const char *list, size_t index,
			  const char *key);

/* Returns the document as text that the caller frees, with those members alone whose keys
 * are among @keys (in any case; the last NULL). NULL: memory ran out. */
char *json_members_text(const struct json_doc *doc, const char *const *keys);

#endif
