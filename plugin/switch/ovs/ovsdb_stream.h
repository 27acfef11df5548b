/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts what a server sends into messages: JSON objects that follow each other, with
 * nothing but white space between them (RFC 7047, section 4). */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVSDB_STREAM_H
#define BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVSDB_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/base/text.h"
#include "conf/json/json_scan.h"

#define OVSDB_MESSAGE_MAX JSON_TEXT_MAX /* bytes: some thousand ports in one answer */

/* Zero-initialise it. */
struct ovsdb_stream {
	struct text bytes; /* received, and not taken yet; owned */
	size_t at; /* up to here they were looked at */
	unsigned int depth;
	bool in_string, is_escaped;
};

void ovsdb_stream_clear(struct ovsdb_stream *stream);

/* Adds what was received. -EFBIG: the message is longer than OVSDB_MESSAGE_MAX;
 * -ENOMEM. */
int ovsdb_stream_push(struct ovsdb_stream *stream, const char *bytes, size_t n);

/*
 * Looks for a whole message, which begins at @stream->bytes.text. Returns 0 and its length;
 * -EAGAIN: more has to be received first; -EBADMSG: this is no object. Whether the text
 * inside its braces is JSON is not looked at.
 */
int ovsdb_stream_find(struct ovsdb_stream *stream, size_t *ret_len);

/* Drops the first @len bytes, which are a message. */
void ovsdb_stream_take(struct ovsdb_stream *stream, size_t len);

#endif
