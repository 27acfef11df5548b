/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes that Open vSwitch's database sends. The input's first byte says how long the
 * pieces are that it comes in; the rest is the stream.
 */
#include "fuzz.h"

#include <errno.h>

#include "plugin/switch/ovs/ovs_port.h"

#define ID 1

static void read_row(const struct json_value *row)
{
	static const char *const columns[] = {"_uuid",	      "tag",   "trunks", "name",
					      "external_ids", "error", "ofport"};

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		const char *text = ovsdb_text(row, columns[i]);
		const char *uuid = ovsdb_uuid(row, columns[i]);
		int64_t number = 0;

		PROMISE(!text || strlen(text) <= JSON_STRING_MAX);
		PROMISE(!uuid || strlen(uuid) == OVSDB_UUID_MAX - 1);
		if (ovsdb_integer(row, columns[i], &number))
			PROMISE(number <= INT64_C(1) << 53 && !text && !uuid);
		for (size_t k = ovsdb_set_count(row, columns[i]); k-- > 0;)
			(void)ovsdb_set_integer(row, columns[i], k, &number);
		(void)ovsdb_map_text(row, columns[i], "owner");
	}
}

static void read_port(struct ovsdb_reply *reply)
{
	struct ovs_port port = {
		.row = ovsdb_row(reply, 0, 0),
		.interface = ovsdb_row(reply, 1, 0),
	};
	struct ovs_port_vlans vlans = {.tag = -1};

	(void)ovs_port_is_of(&port, "pods", "c", "eth0");
	(void)ovs_port_is_in(&port, &vlans);
	for (size_t i = ovs_dead_count(reply); i-- > 0;)
		(void)ovs_dead_name(reply, i);
}

static void read_answer(struct ovsdb_message *message)
{
	_cleanup_(ovsdb_reply_clear) struct ovsdb_reply reply = {};
	struct cni_error err = {};
	int ret = ovsdb_reply_read(message, 2, &reply, &err);
	int64_t count;

	fuzz_promise_error(ret, &err);
	PROMISE((ret == 0) == (reply.doc != NULL));
	if (ret < 0)
		return;
	PROMISE(reply.error || json_count(reply.results) >= 2);
	if (reply.error) {
		PROMISE(ovsdb_refused_error(&reply, "it", &err) < 0);
		fuzz_promise_error(-1, &err);
	}
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = ovsdb_rows(&reply, i); k-- > 0;)
			read_row(ovsdb_row(&reply, i, k));
		(void)ovsdb_count(&reply, i, &count);
	}
	read_port(&reply);
}

static void read_message(const char *text, size_t len)
{
	_cleanup_(ovsdb_message_clear) struct ovsdb_message message = {};
	struct cni_error err = {};
	int ret = ovsdb_message_read(text, len, ID, &message, &err);

	fuzz_promise_error(ret, &err);
	PROMISE((ret == 0) == (message.doc != NULL));
	if (ret < 0)
		PROMISE(err.code == CNI_ERR_KERNEL);
	else if (message.kind == OVSDB_ECHO)
		fuzz_promise_json(ovsdb_echo_answer(&message));
	else if (message.kind == OVSDB_ANSWER)
		read_answer(&message);
}

/* Returns false where a message could not be had. */
static bool read_all(struct ovsdb_stream *stream)
{
	size_t len;
	int ret;

	while ((ret = ovsdb_stream_find(stream, &len)) == 0) {
		PROMISE(len >= 2 && len <= stream->bytes.len);
		PROMISE(stream->bytes.text[0] == '{' &&
			stream->bytes.text[len - 1] == '}');
		read_message(stream->bytes.text, len);
		ovsdb_stream_take(stream, len);
	}
	PROMISE(ret == -EAGAIN || ret == -EBADMSG);
	return ret == -EAGAIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(ovsdb_stream_clear) struct ovsdb_stream stream = {};
	size_t piece = size ? 1 + data[0] : 1;

	for (size_t at = 1; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		PROMISE(ovsdb_stream_push(&stream, (const char *)data + at, n) == 0);
		if (!read_all(&stream))
			break;
	}
	return 0;
}
