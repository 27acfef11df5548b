/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares two documents value by value: the order of keys and the layout don't count. */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_DIFF_H
#define BRIDGE_CNI_CONF_JSON_JSON_DIFF_H

#include <stdbool.h>

struct json_doc;

#define JSON_DIFF_VALUE_MAX 96 /* bytes of a value's text, with the NUL */

/*
 * Is told of a value that differs: its path ("plugins[0].mtu"), and what either document
 * has there, as JSON text that is cut where it is longer; NULL: nothing. Returns false to
 * end the comparison.
 */
typedef bool (*json_diff_fn)(const char *path, const char *left, const char *right,
			     void *data);

/*
 * Tells @fn of each value that differs. Objects, and lists of objects or lists, are gone
 * into; a list of anything else is one value. A key that an object has twice is compared
 * each time.
 */
void json_diff(const struct json_doc *left, const struct json_doc *right, json_diff_fn fn,
	       void *data);

#endif
