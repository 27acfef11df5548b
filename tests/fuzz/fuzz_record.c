/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of an attachment. The input is the file; once as it is, once with a last line
 * that is right, without which nothing behind the hash would be reached.
 */
#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>

#include "conf/identity.h"
#include "ipam/store/record.h"

#define END_MAX 32

static void promise_round_trip(const struct record *record)
{
	_cleanup_(record_clear) struct record again = {};
	_cleanup_(free_p) char *first = record_format(record), *second = NULL;

	PROMISE(first && record_parse(first, strlen(first), &again) == 0);
	second = record_format(&again);
	PROMISE(second && strcmp(first, second) == 0);
	PROMISE(record_is_of(&again, record->network, record->container_id,
			     record->ifname));
}

static void parse(const char *text, size_t len)
{
	_cleanup_(record_clear) struct record record = {};
	int ret = record_parse(text, len, &record);
	size_t ports = 0;

	PROMISE(ret == 0 || ret == -EBADMSG || ret == -ENOTSUP);
	if (ret < 0) {
		PROMISE(!record.text && !record.addresses && !record.ports.items);
		return;
	}
	PROMISE(record.network[0] && record.container_id[0] && record.ifname[0]);
	PROMISE(record.boot && record.netns && record.bridge);
	PROMISE(record.n <= RECORD_ADDRESSES);
	for (size_t i = 0; i < record.ports.n; i++) {
		const struct port_mapping *port = &record.ports.items[i];

		PROMISE(port->count >= 1 && port->host_port >= 1);
		PROMISE(port->host_port + port->count - 1 <= UINT16_MAX);
		PROMISE(port->container_port + port->count - 1 <= UINT16_MAX);
		ports += port->count;
	}
	PROMISE(ports <= PORT_MAPPINGS_MAX);
	promise_round_trip(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(free_p) char *text = malloc(size + END_MAX);
	size_t len = size;

	PROMISE(text != NULL);
	if (size > RECORD_MAX)
		return 0;
	parse((const char *)data, size);
	memcpy(text, data, size);
	if (size == 0 || text[size - 1] != '\n')
		text[len++] = '\n';
	len += (size_t)snprintf(text + len, END_MAX - 1, "end %016" PRIx64 "\n",
				hash_bytes(text, len));
	parse(text, len);
	return 0;
}
