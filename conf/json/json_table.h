/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a document into C structures, by tables of keys and types. */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_TABLE_H
#define BRIDGE_CNI_CONF_JSON_JSON_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/error.h"
#include "json_path.h"

struct json_doc;

/* Kinds of values, and the C types that they are read into. */
enum json_kind {
	JSON_TEXT, /* const char *, borrowed from the document */
	JSON_BOOL, /* bool */
	/* uint8_t: false is 0, true is 1, the words are 2 and more in their order */
	JSON_LEVEL,
	JSON_U8, /* uint8_t */
	JSON_U32, /* uint32_t */
	JSON_U64, /* uint64_t; at most 2^53: JSON's numbers are read as doubles */
	JSON_IP, /* struct ip_addr; an empty string counts as absent, as in Go */
	JSON_PREFIX, /* struct ip_prefix, host bits kept */
	JSON_OBJECT, /* a structure, by its fields */
	JSON_LIST, /* struct json_list or one of the same layout: the array is owned */
};

struct json_list {
	void *items;
	size_t n;
};

struct json_field {
	const char *key;
	const struct json_type *type;
	size_t offset; /* in the object's structure */
	bool required;
	/* of a bool that is set where the key is there; 0: there is no bool */
	size_t set_offset;
};

struct json_type {
	enum json_kind kind;
	uint64_t min, max; /* integers: the value; lists: at most max entries */
	/* 0, or an empty text, is right, too, and means that the value is not given */
	bool or_zero;
	/* texts and levels: those that are right, up to NULL; NULL: all texts are */
	const char *const *words;
	const struct json_field *fields; /* objects */
	size_t n_fields;
	/* The type of a list's entries; or of all members of an object, whichever their
	 * keys, and of a kind up to JSON_U64. NULL in an object: members without a field
	 * are ignored. */
	const struct json_type *item;
	size_t item_size;
	/* Judges (and may complete) what was read; sets errors by json_error(). */
	int (*check)(void *value, const struct json_path *path, struct cni_error *err);
};

/*
 * Reads the document by the @type of its top-level object into a structure @ret_value,
 * whose members stay as they are where keys are absent or null. Keys match in any case,
 * as Go's encoding/json has it; one that is there twice is refused. Code 7 with path,
 * value and expectation; then what had been read is cleared again by json_clear().
 */
int json_read(const struct json_doc *doc, const struct json_type *type, void *ret_value,
	      struct cni_error *err);

/* Frees all lists of a structure that was read (or half read, or zeroed). */
void json_clear(const struct json_type *type, void *value);

/* Initialisers of a struct json_field. */
#define FIELD(structure, member, key_, type_)                                         \
	{                                                                             \
		.key = (key_), .type = (type_), .offset = offsetof(structure, member) \
	}
#define FIELD_REQUIRED(structure, member, key_, type_)                                 \
	{                                                                              \
		.key = (key_), .type = (type_), .offset = offsetof(structure, member), \
		.required = true                                                       \
	}
#define FIELD_SET(structure, member, set_member, key_, type_)                          \
	{                                                                              \
		.key = (key_), .type = (type_), .offset = offsetof(structure, member), \
		.set_offset = offsetof(structure, set_member)                          \
	}
#define OBJECT(fields_)                                   \
	{                                                 \
		.kind = JSON_OBJECT, .fields = (fields_), \
		.n_fields = ARRAY_SIZE(fields_)           \
	}

/* Values that need no check of their own. */
extern const struct json_type text_type, bool_type, u32_type, ip_type, prefix_type;

/* A struct ip_prefix whose host bits must be zero. */
extern const struct json_type network_prefix_type;

#endif
