/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from the types of sets: their names and declarations, and elements as text and
 * as bytes. The names and the declarations are those that earlier versions left on nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/nft/set_type.h"
#include "plugin/stage/masquerade_sets.h"
#include "plugin/stage/portmap_elements.h"
#include "plugin/stage/spoofcheck_elements.h"

#define OWNER 0x0123456789abcdefU

static void assert_text(struct text *text, const char *wanted)
{
	assert_false(text->failed);
	assert_string_equal(text->text, wanted);
	text_cut(text, 0);
}

static void assert_declared(const struct nft_set *set, const char *wanted)
{
	struct text text = {};

	set_declare(set, "shop", &text);
	assert_text(&text, wanted);
	free(text.text);
}

static void assert_sentinel(const struct nft_set *set, const char *wanted)
{
	struct nft_element sentinel;
	struct text text = {};

	set_sentinel(set, &sentinel);
	set_element_print(&sentinel, &text);
	assert_text(&text, wanted);
	free(text.text);
}

static void a_set_is_declared_by_its_parts(void **state)
{
	struct spoof_sets spoof;
	struct masquerade_sets masquerade;
	struct portmap_sets ports;

	(void)state;
	spoof_sets_name(OWNER, &spoof);
	assert_declared(&spoof.sets[SPOOF_MACS],
			"add set bridge bridge_cni macs_0123456789abcdef "
			"{ type ifname . ether_addr; }\n");
	assert_declared(&spoof.sets[SPOOF_TARGETS6],
			"add set bridge bridge_cni targets6_0123456789abcdef "
			"{ typeof iifname . @th,64,128; }\n");
	masquerade_sets_name(OWNER, &masquerade);
	assert_declared(
		&masquerade.sets[MASQUERADE_IPV4][MASQUERADE_OWN],
		"add set inet bridge_cni own4_0123456789abcdef { type ipv4_addr . "
		"ipv4_addr; flags interval; comment \"subnets of shop\"; }\n");
	portmap_sets_name(OWNER, &ports);
	assert_declared(&ports.sets[PORTMAP_IPV6][PORTMAP_ONE],
			"add map inet bridge_cni hostips6_0123456789abcdef { type "
			"inet_proto . ipv6_addr . inet_service : ipv6_addr . "
			"inet_service; }\n");
	assert_declared(&ports.sets[PORTMAP_IPV4][PORTMAP_RANGE],
			"add map inet bridge_cni hostranges4_0123456789abcdef { type "
			"inet_proto . ipv4_addr . inet_service : ipv4_addr; flags "
			"interval; }\n");
}

static void each_type_has_a_sentinel_of_nothing_that_is_sent(void **state)
{
	struct spoof_sets spoof;
	struct masquerade_sets masquerade;
	struct portmap_sets ports;

	(void)state;
	spoof_sets_name(OWNER, &spoof);
	assert_sentinel(&spoof.sets[SPOOF_MACS],
			"add element bridge bridge_cni macs_0123456789abcdef "
			"{ \"/\" . 00:00:00:00:00:00 }\n");
	assert_sentinel(&spoof.sets[SPOOF_SRC6],
			"add element bridge bridge_cni src6_0123456789abcdef "
			"{ \"/\" . 00:00:00:00:00:00 . fe80::200:ff:fe00:0 }\n");
	assert_sentinel(&spoof.sets[SPOOF_TARGETS6],
			"add element bridge bridge_cni targets6_0123456789abcdef "
			"{ \"/\" . 0xfe80000000000000020000fffe000000 }\n");
	masquerade_sets_name(OWNER, &masquerade);
	assert_sentinel(&masquerade.sets[MASQUERADE_IPV6][MASQUERADE_OWN],
			"add element inet bridge_cni own6_0123456789abcdef "
			"{ ff00:: . ff00:: }\n");
	portmap_sets_name(OWNER, &ports);
	assert_sentinel(&ports.sets[PORTMAP_IPV4][PORTMAP_ONE],
			"add element inet bridge_cni hostips4_0123456789abcdef "
			"{ 255 . 255.255.255.255 . 0 : 0.0.0.0 . 0 }\n");
	assert_sentinel(&ports.sets[PORTMAP_IPV6][PORTMAP_RANGE],
			"add element inet bridge_cni hostranges6_0123456789abcdef "
			"{ 255 . ffff:ffff:: . 0 : :: }\n");
}

static void an_interval_is_printed_where_its_ends_differ(void **state)
{
	const uint8_t tcp = 6, any[4] = {}, last[4] = {255, 255, 255, 255};
	const uint8_t pod[4] = {10, 1, 2, 3};
	uint16_t from = htons(7000), to = htons(7009);
	struct portmap_sets ports;
	struct nft_element element;
	struct text text = {};

	(void)state;
	portmap_sets_name(OWNER, &ports);
	set_element(&ports.sets[PORTMAP_IPV4][PORTMAP_RANGE],
		    SET_VALUES(&tcp, any, &from), SET_VALUES(&tcp, last, &to),
		    SET_VALUES(pod), &element);
	strcpy(element.comment, "veth1 shop/cart");
	set_element_print(&element, &text);
	assert_text(&text, "add element inet bridge_cni hostranges4_0123456789abcdef "
			   "{ 6 . 0.0.0.0-255.255.255.255 . 7000-7009 comment "
			   "\"veth1 shop/cart\" : 10.1.2.3 }\n");
	free(text.text);
}

static void parts_are_padded_for_the_kernel(void **state)
{
	const uint8_t mac[6] = {2, 1, 2, 3, 4, 5};
	const uint8_t wanted[24] = {'v', 'e', 't', 'h', [16] = 2, 1, 2, 3, 4, 5};
	struct nft_element element;
	struct spoof_sets spoof;

	(void)state;
	spoof_sets_name(OWNER, &spoof);
	set_element(&spoof.sets[SPOOF_MACS], SET_VALUES("veth", mac), NULL, NULL,
		    &element);
	assert_int_equal(element.key.len, sizeof(wanted));
	assert_memory_equal(element.key.bytes, wanted, sizeof(wanted));
	assert_int_equal(element.end.len, 0);
	assert_int_equal(element.data.len, 0);
}

static void an_element_names_its_pod_in_its_key_or_in_its_comment(void **state)
{
	const uint8_t mac[6] = {2, 1, 2, 3, 4, 5}, tcp = 6, pod[4] = {10, 1, 2, 3};
	uint16_t port = htons(80);
	char ifname[IF_NAMESIZE];
	struct nft_element element;
	struct portmap_sets ports;
	struct spoof_sets spoof;

	(void)state;
	spoof_sets_name(OWNER, &spoof);
	set_element(&spoof.sets[SPOOF_MACS], SET_VALUES("veth1", mac), NULL, NULL,
		    &element);
	set_element_pod(&element, ifname);
	assert_string_equal(ifname, "veth1");
	set_sentinel(&spoof.sets[SPOOF_MACS], &element);
	set_element_pod(&element, ifname);
	assert_string_equal(ifname, "");
	portmap_sets_name(OWNER, &ports);
	set_element(&ports.sets[PORTMAP_IPV4][PORTMAP_ANY], SET_VALUES(&tcp, &port), NULL,
		    SET_VALUES(pod, &port), &element);
	set_element_pod(&element, ifname);
	assert_string_equal(ifname, "");
	strcpy(element.comment, "veth1 shop/cart");
	set_element_pod(&element, ifname);
	assert_string_equal(ifname, "veth1");
}

static void sets_are_told_by_their_names(void **state)
{
	struct nft_set set;

	(void)state;
	assert_true(portmap_set_read("hostips6_0123456789abcdef", &set));
	assert_int_equal(portmap_set_kind(&set), PORTMAP_ONE);
	assert_int_equal(portmap_set_family(&set), PORTMAP_IPV6);
	assert_string_equal(set.name, "hostips6_0123456789abcdef");
	assert_false(portmap_set_read("hostips_0123456789abcdef", &set));
	assert_false(portmap_set_read("hostips6", &set));
	assert_false(portmap_set_read("nodeips4", &set));
	assert_false(portmap_set_read("macs_0123456789abcdef", &set));
}

static void sets_are_emptied_then_filled(void **state)
{
	struct nft_element element;
	struct nft_element_list elements = {&element, 1};
	const uint8_t pod[4] = {10, 1, 2, 3};
	struct masquerade_sets masquerade;
	const struct nft_set *pods;
	struct text text = {};

	(void)state;
	masquerade_sets_name(OWNER, &masquerade);
	pods = &masquerade.sets[MASQUERADE_IPV4][MASQUERADE_PODS];
	set_element(pods, SET_VALUES(pod), NULL, NULL, &element);
	sets_fill(pods, 1, true, &elements, &text);
	assert_text(&text,
		    "flush set inet bridge_cni pods4_0123456789abcdef\n"
		    "add element inet bridge_cni pods4_0123456789abcdef "
		    "{ 255.255.255.255 }\n"
		    "add element inet bridge_cni pods4_0123456789abcdef { 10.1.2.3 }\n");
	free(text.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_is_declared_by_its_parts),
		cmocka_unit_test(each_type_has_a_sentinel_of_nothing_that_is_sent),
		cmocka_unit_test(an_interval_is_printed_where_its_ends_differ),
		cmocka_unit_test(parts_are_padded_for_the_kernel),
		cmocka_unit_test(an_element_names_its_pod_in_its_key_or_in_its_comment),
		cmocka_unit_test(sets_are_told_by_their_names),
		cmocka_unit_test(sets_are_emptied_then_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
