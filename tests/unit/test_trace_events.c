/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of nftables' trace, byte for byte as the kernel sends them, and how they are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/netfilter.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/netlink/nf_tables_trace_event.h"

/* A rule of chain "c" of table ip "t" with the handle 4 hands the packet to queue 7. */
static const uint8_t queued[] = {
	100,
	0,
	0,
	0,
	0x11,
	0x0a,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0, /* NFT_MSG_TRACE */
	NFPROTO_IPV4,
	0,
	0,
	0, /* nfgenmsg */
	6,
	0,
	1,
	0,
	't',
	0,
	0,
	0, /* NFTA_TRACE_TABLE */
	6,
	0,
	2,
	0,
	'c',
	0,
	0,
	0, /* NFTA_TRACE_CHAIN */
	12,
	0,
	3,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	4, /* NFTA_TRACE_RULE_HANDLE */
	8,
	0,
	4,
	0,
	0,
	0,
	0,
	3, /* NFTA_TRACE_TYPE: rule */
	12,
	0,
	5,
	0x80,
	8,
	0,
	1,
	0,
	0,
	7,
	0,
	NF_QUEUE, /* NFTA_TRACE_VERDICT */
	8,
	0,
	6,
	0,
	0xa,
	0xb,
	0xc,
	0xd, /* NFTA_TRACE_ID */
	8,
	0,
	10,
	0,
	0,
	0,
	0,
	5, /* NFTA_TRACE_IIF */
	8,
	0,
	12,
	0,
	0,
	0,
	0,
	6, /* NFTA_TRACE_OIF */
	8,
	0,
	15,
	0,
	0,
	0,
	0,
	NFPROTO_IPV4, /* NFTA_TRACE_NFPROTO */
};

/* Where the attribute with the verdict's code has its value. */
#define VERDICT_AT (20 + 8 + 8 + 12 + 8 + 4)

struct taken {
	struct trace_event last;
	size_t n;
};

static void take(const struct trace_event *event, void *data)
{
	struct taken *taken = data;

	taken->last = *event;
	taken->n++;
}

/* The kernel's end, and ours, which doesn't wait. */
static void pair_make(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    pair),
			 0);
}

static struct taken read_one(const uint8_t *bytes, size_t len)
{
	struct taken taken = {};
	int pair[2];

	pair_make(pair);
	assert_int_equal(send(pair[0], bytes, len, 0), len);
	assert_int_equal(trace_read(pair[1], take, &taken), 0);
	close(pair[0]);
	close(pair[1]);
	return taken;
}

static void a_packet_that_is_queued(void **state)
{
	struct taken taken = read_one(queued, sizeof(queued));
	const struct trace_event *event = &taken.last;

	(void)state;
	assert_int_equal(sizeof(queued), queued[0]);
	assert_int_equal(taken.n, 1);
	assert_int_equal(event->family, NFPROTO_IPV4);
	assert_int_equal(event->layer, NFPROTO_IPV4);
	assert_string_equal(event->table, "t");
	assert_string_equal(event->chain, "c");
	assert_int_equal(event->handle, 4);
	assert_int_equal(event->type, TRACE_RULE);
	assert_int_equal(event->verdict, TRACE_QUEUED);
	assert_memory_equal(&event->id, "\x0a\x0b\x0c\x0d", 4);
	assert_int_equal(event->in, 5);
	assert_int_equal(event->out, 6);
}

static void other_verdicts(void **state)
{
	static const struct {
		uint8_t code[4];
		enum trace_verdict verdict;
	} cases[] = {
		{{0, 0, 0, NF_DROP}, TRACE_DROPPED},
		{{0, 0, 0, NF_ACCEPT}, TRACE_ACCEPTED},
		{{0xff, 0xff, 0xff, 0xff}, TRACE_GOES_ON}, /* NFT_CONTINUE */
		{{0xff, 0xff, 0xff, 0xfd}, TRACE_JUMPS}, /* NFT_JUMP */
		{{0xff, 0xff, 0xff, 0xfc}, TRACE_JUMPS}, /* NFT_GOTO */
		{{0xff, 0xff, 0xff, 0xfb}, TRACE_GOES_ON}, /* NFT_RETURN */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t bytes[sizeof(queued)];

		memcpy(bytes, queued, sizeof(bytes));
		memcpy(bytes + VERDICT_AT + 4, cases[i].code, 4);
		assert_int_equal(read_one(bytes, sizeof(bytes)).last.verdict,
				 cases[i].verdict);
	}
}

static void what_is_no_event_is_left_out(void **state)
{
	uint8_t bytes[sizeof(queued)];

	(void)state;
	memcpy(bytes, queued, sizeof(bytes));
	bytes[4]--;
	assert_int_equal(read_one(bytes, sizeof(bytes)).n, 0);
	assert_int_equal(read_one(queued, sizeof(queued) - 4).n, 0);
}

struct flood {
	int kernel;
	size_t n;
};

static void take_and_send(const struct trace_event *event, void *data)
{
	struct flood *flood = data;

	(void)event;
	flood->n++;
	send(flood->kernel, queued, sizeof(queued), 0);
}

/* Whoever sends quicker than events are read must not keep the reader for ever. */
static void a_flood_is_read_in_pieces(void **state)
{
	struct flood flood = {};
	int pair[2];

	(void)state;
	pair_make(pair);
	flood.kernel = pair[0];
	send(pair[0], queued, sizeof(queued), 0);
	alarm(60);
	assert_int_equal(trace_read(pair[1], take_and_send, &flood), 0);
	assert_int_equal(flood.n, 8192);
	assert_int_equal(trace_read(pair[1], take_and_send, &flood), 0);
	assert_int_equal(flood.n, 2 * 8192);
	alarm(0);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_that_is_queued),
		cmocka_unit_test(other_verdicts),
		cmocka_unit_test(what_is_no_event_is_left_out),
		cmocka_unit_test(a_flood_is_read_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
