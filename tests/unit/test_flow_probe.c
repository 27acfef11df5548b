/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trace's probe judges the packets of ICMP that its socket hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/trace/flow_probe.h"

/* 192.0.2.1 says of a ping from 10.1.2.2 to 198.51.100.1, ID 0x1234, that fragments would be
 * needed for an MTU of 1400. */
static const uint8_t frag_needed[] = {
	0x45, 0, 0,   56, 0,	0,    0,    0,	  64,  IPPROTO_ICMP,
	0,    0, 192, 0,  2,	1,    10,   1,	  2,   2,
	3,    4, 0,   0,  0,	0,    0x05, 0x78, /* MTU */
	0x45, 0, 0,   28, 0,	0,    0,    0,	  64,  IPPROTO_ICMP,
	0,    0, 10,  1,  2,	2,    198,  51,	  100, 1,
	8,    0, 0,   0,  0x12, 0x34, 0,    1,
};

/* The same of IPv6, 2001:db8::2 to 2001:db8::1, MTU 1300: the header isn't handed over. */
static const uint8_t too_big[] = {
	2,    0,    0,	  0,	0,    0,    0x05,
	0x14, /* MTU */
	0x60, 0,    0,	  0,	0,    8,    IPPROTO_ICMPV6,
	64,   0x20, 0x01, 0x0d, 0xb8, 0,    0,
	0,    0,    0,	  0,	0,    0,    0,
	0,    0,    2,	  0x20, 0x01, 0x0d, 0xb8,
	0,    0,    0,	  0,	0,    0,    0,
	0,    0,    0,	  0,	1,    128,  0,
	0,    0,    0x12, 0x34, 0,    1,
};

static int kernel; /* the other end of the probe's socket */

static struct flow_probe probe_make(bool v4)
{
	struct flow_probe probe = FLOW_PROBE_CLOSED;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    pair),
			 0);
	kernel = pair[0];
	probe.icmp_fd = pair[1];
	probe.flow.id = 0x1234;
	probe.flow.protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	ip_parse(v4 ? "10.1.2.2" : "2001:db8::2", &probe.flow.from);
	ip_parse(v4 ? "198.51.100.1" : "2001:db8::1", &probe.flow.to);
	return probe;
}

static void probe_end(struct flow_probe *probe)
{
	flow_probe_close(probe);
	close(kernel);
}

static struct flow_probe heard(bool v4, const uint8_t *bytes, size_t len)
{
	struct flow_probe probe = probe_make(v4);

	assert_int_equal(send(kernel, bytes, len, 0), len);
	flow_probe_hear(&probe);
	probe_end(&probe);
	return probe;
}

static void an_error_tells_the_MTU(void **state)
{
	struct flow_probe v4 = heard(true, frag_needed, sizeof(frag_needed)),
			  v6 = heard(false, too_big, sizeof(too_big));

	(void)state;
	assert_int_equal(v4.outcome, PROBE_ICMP_ERROR);
	assert_int_equal(v4.mtu, 1400);
	assert_false(flow_probe_is_refusal(&v4));
	assert_int_equal(v6.outcome, PROBE_ICMP_ERROR);
	assert_int_equal(v6.mtu, 1300);
	assert_false(flow_probe_is_refusal(&v6));
}

static void an_error_about_another_ping_is_not_ours(void **state)
{
	uint8_t bytes[sizeof(frag_needed)];

	(void)state;
	memcpy(bytes, frag_needed, sizeof(bytes));
	bytes[sizeof(bytes) - 4]++; /* its ID */
	assert_int_equal(heard(true, bytes, sizeof(bytes)).outcome, PROBE_SILENCE);
}

static void only_some_errors_are_a_refusal(void **state)
{
	static const struct {
		uint8_t type, code;
		bool refuses;
	} cases[] = {
		{3, 0, false}, {3, 1, false}, {3, 3, true},   {3, 9, true},
		{3, 10, true}, {3, 13, true}, {11, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t bytes[sizeof(frag_needed)];
		struct flow_probe probe;

		memcpy(bytes, frag_needed, sizeof(bytes));
		bytes[20] = cases[i].type;
		bytes[21] = cases[i].code;
		probe = heard(true, bytes, sizeof(bytes));
		assert_int_equal(probe.outcome, PROBE_ICMP_ERROR);
		assert_int_equal(flow_probe_is_refusal(&probe), cases[i].refuses);
	}
}

/* Who floods the pod must not keep the trace from its deadline: what comes behind 64 packets
 * is left for the next call. */
static void a_flood_is_heard_in_pieces(void **state)
{
	struct flow_probe probe = probe_make(true);
	uint8_t other[sizeof(frag_needed)];

	(void)state;
	memcpy(other, frag_needed, sizeof(other));
	other[sizeof(other) - 4]++;
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(send(kernel, other, sizeof(other), 0), sizeof(other));
	assert_int_equal(send(kernel, frag_needed, sizeof(frag_needed), 0),
			 sizeof(frag_needed));
	flow_probe_hear(&probe);
	assert_int_equal(probe.outcome, PROBE_SILENCE);
	flow_probe_hear(&probe);
	assert_int_equal(probe.outcome, PROBE_ICMP_ERROR);
	probe_end(&probe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_tells_the_MTU),
		cmocka_unit_test(an_error_about_another_ping_is_not_ours),
		cmocka_unit_test(only_some_errors_are_a_refusal),
		cmocka_unit_test(a_flood_is_heard_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
