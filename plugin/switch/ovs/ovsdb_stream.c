/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts braces outside of strings. Each byte is looked at once, however small the pieces
 * are that it comes in. */
#include "ovsdb_stream.h"

#include <errno.h>
#include <string.h>

void ovsdb_stream_clear(struct ovsdb_stream *stream)
{
	free(stream->bytes.text);
	*stream = (struct ovsdb_stream){};
}

int ovsdb_stream_push(struct ovsdb_stream *stream, const char *bytes, size_t n)
{
	if (n > OVSDB_MESSAGE_MAX - stream->bytes.len)
		return -EFBIG;
	text_put(&stream->bytes, bytes, n);
	return stream->bytes.failed ? -ENOMEM : 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Drops the white space in front of a message. */
static void blanks_drop(struct ovsdb_stream *stream)
{
	size_t n = 0;

	while (n < stream->bytes.len && is_blank(stream->bytes.text[n]))
		n++;
	if (n)
		ovsdb_stream_take(stream, n);
}

/* Looks at one byte of a message. Returns true at its last one. */
static bool is_last(struct ovsdb_stream *stream, char c)
{
	if (stream->in_string) {
		if (stream->is_escaped)
			stream->is_escaped = false;
		else if (c == '\\')
			stream->is_escaped = true;
		else if (c == '"')
			stream->in_string = false;
		return false;
	}
	if (c == '"')
		stream->in_string = true;
	else if (c == '{')
		stream->depth++;
	else if (c == '}')
		stream->depth--;
	return stream->depth == 0;
}

int ovsdb_stream_find(struct ovsdb_stream *stream, size_t *ret_len)
{
	if (stream->at == 0)
		blanks_drop(stream);
	if (stream->bytes.len && stream->bytes.text[0] != '{')
		return -EBADMSG;
	while (stream->at < stream->bytes.len)
		if (is_last(stream, stream->bytes.text[stream->at++])) {
			*ret_len = stream->at;
			return 0;
		}
	return -EAGAIN;
}

void ovsdb_stream_take(struct ovsdb_stream *stream, size_t len)
{
	memmove(stream->bytes.text, stream->bytes.text + len, stream->bytes.len - len);
	text_cut(&stream->bytes, stream->bytes.len - len);
	stream->at = 0;
	stream->depth = 0;
	stream->in_string = stream->is_escaped = false;
}
