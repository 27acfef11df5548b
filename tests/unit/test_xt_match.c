/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Matches of iptables say of a packet: yes, no, or that it isn't known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>

#include "plugin/netlink/xt_match.h"

static const struct packet new = {.state = PACKET_NEW},
			   answer = {.state = PACKET_ESTABLISHED},
			   discovery = {.state = PACKET_UNTRACKED,
					.protocol = IPPROTO_ICMPV6,
					.icmp_type = 135};

static enum xt_matched by_state(const struct packet *packet, unsigned int states,
				unsigned int inverted)
{
	const struct xt_conntrack_mtinfo3 info = {
		.match_flags = XT_CONNTRACK_STATE,
		.invert_flags = inverted ? XT_CONNTRACK_STATE : 0,
		.state_mask = states,
	};

	return xt_match(packet, "conntrack", 3, &info, sizeof(info));
}

static void the_state_of_a_connection_is_known(void **state)
{
	const unsigned int established = XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED);

	(void)state;
	assert_int_equal(by_state(&answer, established, 0), XT_MATCHES);
	assert_int_equal(by_state(&new, established, 0), XT_DIFFERS);
	assert_int_equal(by_state(&new, established, 1), XT_MATCHES);
	assert_int_equal(by_state(&answer, established, 1), XT_DIFFERS);
	assert_int_equal(by_state(&discovery, XT_CONNTRACK_STATE_INVALID, 0), XT_DIFFERS);
	assert_int_equal(by_state(&discovery, XT_CONNTRACK_STATE_UNTRACKED, 0),
			 XT_MATCHES);
}

static void m_state_is_the_same(void **state)
{
	const struct xt_conntrack_mtinfo3 info = {
		.match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS,
		.state_mask = XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED),
	};

	(void)state;
	assert_int_equal(xt_match(&answer, "conntrack", 3, &info, sizeof(info)),
			 XT_MATCHES);
	assert_int_equal(xt_match(&new, "conntrack", 3, &info, sizeof(info)), XT_DIFFERS);
}

static void the_rest_of_a_connection_is_not(void **state)
{
	const struct xt_conntrack_mtinfo3 info = {.match_flags = XT_CONNTRACK_EXPIRES};

	(void)state;
	assert_int_equal(xt_match(&new, "conntrack", 3, &info, sizeof(info)), XT_OF_SOME);
	assert_int_equal(xt_match(&new, "conntrack", 2, &info, sizeof(info)), XT_OF_SOME);
	assert_int_equal(xt_match(&new, "conntrack", 3, &info, 4), XT_OF_SOME);
}

static void no_packet_has_a_mark_yet(void **state)
{
	struct xt_mark_mtinfo1 info = {.mark = 0x4000, .mask = 0x4000};

	(void)state;
	assert_int_equal(xt_match(&new, "mark", 1, &info, sizeof(info)), XT_DIFFERS);
	info.invert = 1;
	assert_int_equal(xt_match(&new, "mark", 1, &info, sizeof(info)), XT_MATCHES);
}

static enum xt_matched by_type(const struct packet *packet, uint8_t type,
			       uint8_t inverted)
{
	const struct ip6t_icmp info = {
		.type = type, .code = {0, 0xff}, .invflags = inverted};

	return xt_match(packet, "icmp6", 0, &info, sizeof(info));
}

static void neighbour_discovery_has_its_type(void **state)
{
	(void)state;
	assert_int_equal(by_type(&discovery, 135, 0), XT_MATCHES);
	assert_int_equal(by_type(&discovery, 136, 0), XT_DIFFERS);
	assert_int_equal(by_type(&discovery, 136, IP6T_ICMP_INV), XT_MATCHES);
	assert_int_equal(by_type(&discovery, 0xff, 0), XT_MATCHES);
	assert_int_equal(by_type(&new, 135, 0), XT_OF_SOME);
}

static enum xt_matched by_hops(const struct packet *packet, uint8_t mode, uint8_t limit)
{
	const struct ip6t_hl_info info = {.mode = mode, .hop_limit = limit};

	return xt_match(packet, "hl", 0, &info, sizeof(info));
}

static void and_its_hop_limit(void **state)
{
	(void)state;
	assert_int_equal(by_hops(&discovery, IP6T_HL_EQ, 255), XT_MATCHES);
	assert_int_equal(by_hops(&discovery, IP6T_HL_EQ, 64), XT_DIFFERS);
	assert_int_equal(by_hops(&discovery, IP6T_HL_NE, 255), XT_DIFFERS);
	assert_int_equal(by_hops(&discovery, IP6T_HL_GT, 254), XT_MATCHES);
	assert_int_equal(by_hops(&discovery, IP6T_HL_LT, 255), XT_DIFFERS);
	assert_int_equal(by_hops(&new, IP6T_HL_EQ, 255), XT_OF_SOME);
}

static void a_set_is_not_read_and_a_stranger_is_about_some(void **state)
{
	(void)state;
	assert_int_equal(xt_match(&new, "set", 4, "", 0), XT_UNSURE);
	assert_int_equal(xt_match(&new, "comment", 0, "", 0), XT_MATCHES);
	assert_int_equal(xt_match(&new, "string", 1, "", 0), XT_OF_SOME);
}

static void targets_have_their_effects(void **state)
{
	(void)state;
	assert_int_equal(xt_effect("DROP"), RULE_DROPS);
	assert_int_equal(xt_effect("REJECT"), RULE_DROPS);
	assert_int_equal(xt_effect("MASQUERADE"), RULE_ACCEPTS);
	assert_int_equal(xt_effect("NFQUEUE"), RULE_ACCEPTS);
	assert_int_equal(xt_effect("LOG"), RULE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_of_a_connection_is_known),
		cmocka_unit_test(m_state_is_the_same),
		cmocka_unit_test(the_rest_of_a_connection_is_not),
		cmocka_unit_test(no_packet_has_a_mark_yet),
		cmocka_unit_test(neighbour_discovery_has_its_type),
		cmocka_unit_test(and_its_hop_limit),
		cmocka_unit_test(a_set_is_not_read_and_a_stranger_is_about_some),
		cmocka_unit_test(targets_have_their_effects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
