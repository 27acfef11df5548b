/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lays one document over another, and gives a document's text. */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_OVERLAY_H
#define BRIDGE_CNI_CONF_JSON_JSON_OVERLAY_H

#include "conf/base/error.h"

struct json_doc;

/*
 * Changes @doc to have what @over has. Objects are gone into key by key, which match in
 * any case, and lists of objects entry by entry: what only one of the two has is in the
 * result. Of everything else @over's value replaces that of @doc, whose spelling of the
 * key stays: libcni reads a list's own keys in their exact case. A null counts as absent,
 * as it does in tables (json_table.h). Code 7: an object that is gone into has a key
 * twice; 100. After an error @doc is changed in part.
 */
int json_overlay(struct json_doc *doc, const struct json_doc *over,
		 struct cni_error *err);

/* The document's text, indented, with a newline. The caller frees it; NULL: memory ran
 * out. */
char *json_doc_text(const struct json_doc *doc);

#endif
