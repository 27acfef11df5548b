/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf/base/addr.c and the syntax of names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/addr.h"
#include "conf/base/util.h"
#include "conf/names.h"

static struct ip_addr ip(const char *text)
{
	struct ip_addr addr = {};

	assert_int_equal(ip_parse(text, &addr), 0);
	return addr;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix pfx = {};

	assert_int_equal(prefix_parse(text, &pfx), 0);
	return pfx;
}

static void addresses_are_spelled_as_go_spells_them(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"10.1.2.3", "10.1.2.3"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
		{"1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"},
		{"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"},
		{"0:0:1::", "0:0:1::"},
		{"fd00:0001:0020:0300:4000:0:0:ffff", "fd00:1:20:300:4000::ffff"},
		/* Go prints these in hex, glibc's inet_ntop() as ::1.2.3.4 */
		{"::1.2.3.4", "::102:304"},
		{"::ffff:1.2.3.4", "1.2.3.4"},
		{"1111:2222:3333:4444:5555:6666:7777:8888",
		 "1111:2222:3333:4444:5555:6666:7777:8888"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr addr = ip(cases[i].in);

		assert_string_equal(IP_TEXT(&addr), cases[i].out);
	}
}

/* inet_ntop() of the C library is the oracle, but for what it ends in an IPv4 address. */
static void many_addresses_are_spelled_as_inet_ntop_spells_them(void **state)
{
	static const uint16_t groups[] = {0, 0, 0, 1, 0x1f, 0xabc, 0xfff, 0x1000, 0xffff};
	uint64_t random = 1;
	size_t compared = 0;

	(void)state;
	for (int n = 0; n < 100000; n++) {
		struct ip_addr addr = {.family = n % 8 ? AF_INET6 : AF_INET};
		char expected[IP_TEXT_MAX];

		for (unsigned int i = 0; i < ip_size(addr.family); i += 2) {
			uint16_t group;

			random = random * 6364136223846793005u + 1442695040888963407u;
			group = groups[(random >> 33) % ARRAY_SIZE(groups)];
			addr.bytes[i] = group >> 8;
			addr.bytes[i + 1] = group & 0xff;
		}
		assert_non_null(
			inet_ntop(addr.family, addr.bytes, expected, sizeof(expected)));
		if (addr.family == AF_INET6 && strchr(expected, '.'))
			continue;
		assert_string_equal(IP_TEXT(&addr), expected);
		compared++;
	}
	assert_in_range(compared, 90000, 100000);
}

static void what_is_no_address_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"10.1.2",
		"10.1.2.3.4",
		"10.1.2.256",
		"10.1.2.03",
		" 10.1.2.3",
		"10.1.2.3 ",
		"10.1.2.3\n",
		"fe80::1%eth0",
		"1::2::3",
		":1",
		"12345::",
		"1:2:3:4:5:6:7",
		"10.1.2.3/24",
		"::ffff:1.2.3",
		"0x0a.1.2.3",
		"a",
		"1:2:3:4:5:6:7:8:9",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa",
	};
	struct ip_addr addr = {.family = 77};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (ip_parse(bad[i], &addr) != -EINVAL)
			fail_msg("accepted \"%s\"", bad[i]);
	}
	assert_int_equal(addr.family, 77);
}

static void no_address_has_no_text(void **state)
{
	struct ip_addr none = {};

	(void)state;
	assert_string_equal(IP_TEXT(&none), "");
}

static void bytes_behind_an_ipv4_address_are_zero(void **state)
{
	struct ip_addr addr = ip("10.1.2.3");

	(void)state;
	assert_int_equal(addr.family, AF_INET);
	assert_memory_equal(addr.bytes, "\x0a\x01\x02\x03\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

static void prefixes_keep_their_host_bits(void **state)
{
	struct ip_prefix v4 = prefix("10.1.2.3/24"), v6 = prefix("fd00::5/64");

	(void)state;
	assert_string_equal(PREFIX_TEXT(&v4), "10.1.2.3/24");
	assert_string_equal(PREFIX_TEXT(&v6), "fd00::5/64");
	v6 = prefix("1111:2222:3333:4444:5555:6666:7777:8888/128");
	assert_string_equal(PREFIX_TEXT(&v6),
			    "1111:2222:3333:4444:5555:6666:7777:8888/128");
}

static void bad_prefixes_are_told_from_lengths_out_of_range(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{"10.1.2.3/33", -ERANGE},
		{"fd00::/129", -ERANGE},
		{"10.0.0.0/99999999999999999999", -ERANGE},
		{"10.1.2.3", -EINVAL},
		{"10.1.2.3/", -EINVAL},
		{"10.1.2.3/-1", -EINVAL},
		{"10.1.2.3/+8", -EINVAL},
		{"10.1.2.3/08", -EINVAL},
		{"10.1.2.3/8 ", -EINVAL},
		{"10.1.2/24", -EINVAL},
		{"/24", -EINVAL},
		{"10.0.0.0/255.0.0.0", -EINVAL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64", -EINVAL},
	};
	struct ip_prefix pfx = {.len = 77};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (prefix_parse(cases[i].text, &pfx) != cases[i].error)
			fail_msg("\"%s\"", cases[i].text);
	}
	assert_int_equal(pfx.len, 77);
}

static void macs_are_equal_in_every_byte_or_where_both_are_not_set(void **state)
{
	struct mac_addr none = {}, zero = {.set = true}, mac, other;

	(void)state;
	assert_int_equal(mac_parse("02:00:00:00:00:01", &mac), 0);
	other = mac;
	assert_true(mac_equal(&mac, &other));
	other.bytes[MAC_LEN - 1] ^= 1;
	assert_false(mac_equal(&mac, &other));
	assert_true(mac_equal(&none, &none));
	assert_false(mac_equal(&none, &zero));
}

static void macs_are_six_pairs_of_hex_digits(void **state)
{
	/* As Go's net.ParseMAC() takes them. */
	static const char *const good[] = {"0A:b1:C2:d3:E4:f5", "0a-b1-c2-d3-e4-f5",
					   "0ab1.c2d3.e4f5"};
	static const char *const bad[] = {
		"",
		"02:00:00:00:00",
		"02:00:00:00:00:0",
		"02:00:00:00:00:0g",
		"02:00:00-00-00-01",
		"02-00-00-00-00.01",
		"0200.0000",
		"0200.0000.000",
		"0200.0000.00011",
		"02.00.00.00.00.01",
		"0200:0000:0001",
		"02:00:00:00:00:01:02",
		"2:0:0:0:0:1",
		"020000000001",
	};
	struct mac_addr mac = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		mac = (struct mac_addr){};
		assert_int_equal(mac_parse(good[i], &mac), 0);
		assert_true(mac.set);
		assert_string_equal(MAC_TEXT(&mac), "0a:b1:c2:d3:e4:f5");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (mac_parse(bad[i], &mac) != -EINVAL)
			fail_msg("accepted \"%s\"", bad[i]);
	}
}

static void order_is_numeric_and_ipv4_comes_first(void **state)
{
	static const char *const sorted[] = {"0.0.0.0",		"10.0.0.9", "10.0.0.10",
					     "255.255.255.255", "::",	    "::1",
					     "2001::",		"ff02::1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
			struct ip_addr a = ip(sorted[i]), b = ip(sorted[j]);
			int cmp = ip_cmp(&a, &b);

			assert_int_equal((cmp > 0) - (cmp < 0), (i > j) - (i < j));
			assert_int_equal(ip_equal(&a, &b), i == j);
		}
	}
}

static void next_carries_and_ends_with_the_family(void **state)
{
	struct ip_addr addr = ip("10.0.255.255"), next = {};

	(void)state;
	assert_true(ip_next(&addr, &next));
	assert_string_equal(IP_TEXT(&next), "10.1.0.0");
	addr = ip("fd00::ffff:ffff");
	assert_true(ip_next(&addr, &next));
	assert_string_equal(IP_TEXT(&next), "fd00::1:0:0");
	addr = ip("255.255.255.255");
	assert_false(ip_next(&addr, &next));
	addr = ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_false(ip_next(&addr, &next));
	assert_string_equal(IP_TEXT(&next), "fd00::1:0:0");
}

static void networks_are_masked_at_every_length(void **state)
{
	static const struct {
		const char *in, *network, *last;
	} cases[] = {
		{"10.1.2.3/0", "0.0.0.0/0", "255.255.255.255"},
		{"10.1.2.3/8", "10.0.0.0/8", "10.255.255.255"},
		{"10.1.2.3/23", "10.1.2.0/23", "10.1.3.255"},
		{"10.1.2.3/31", "10.1.2.2/31", "10.1.2.3"},
		{"10.1.2.3/32", "10.1.2.3/32", "10.1.2.3"},
		{"fd00::5/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"fd00:0:0:1:8000::5/65", "fd00:0:0:1:8000::/65",
		 "fd00::1:ffff:ffff:ffff:ffff"},
		{"fd00::5/128", "fd00::5/128", "fd00::5"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_prefix in = prefix(cases[i].in), network = prefix_network(&in);
		struct ip_addr last = prefix_last(&in);

		assert_string_equal(PREFIX_TEXT(&network), cases[i].network);
		assert_string_equal(IP_TEXT(&last), cases[i].last);
	}
}

static void a_prefix_contains_its_addresses_and_no_others(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} cases[] = {
		{"10.1.2.0/23", "10.1.2.0", true},
		{"10.1.2.0/23", "10.1.3.255", true},
		{"10.1.2.0/23", "10.1.4.0", false},
		{"10.1.2.0/23", "10.1.1.255", false},
		{"0.0.0.0/0", "8.8.8.8", true},
		{"0.0.0.0/0", "::", false},
		{"::/0", "0.0.0.0", false},
		{"::/0", "fd00::1", true},
		{"fd00::/65", "fd00::1", true},
		{"fd00::/65", "fd00::8000:0:0:0", false},
		{"10.1.2.3/32", "10.1.2.3", true},
		{"10.1.2.3/32", "10.1.2.2", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_prefix pfx = prefix(cases[i].prefix);
		struct ip_addr addr = ip(cases[i].addr);

		if (prefix_contains(&pfx, &addr) != cases[i].inside)
			fail_msg("%s in %s", cases[i].addr, cases[i].prefix);
	}
}

static void a_prefix_contains_what_differs_behind_its_length_alone(void **state)
{
	static const char *const texts[] = {"10.129.2.254",
					    "fd00:8000:1:7fff:8000:1:2:ff01"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip_prefix pfx = {.addr = ip(texts[i])};
		unsigned int bits = ip_bits(pfx.addr.family);

		for (unsigned int len = 0; len <= bits; len++) {
			pfx.len = (uint8_t)len;
			assert_true(prefix_contains(&pfx, &pfx.addr));
			for (unsigned int bit = 0; bit < bits; bit++) {
				struct ip_addr addr = pfx.addr;

				addr.bytes[bit / 8] ^= 0x80 >> bit % 8;
				if (prefix_contains(&pfx, &addr) != (bit >= len))
					fail_msg("%s in %s", IP_TEXT(&addr),
						 PREFIX_TEXT(&pfx));
			}
		}
	}
}

static void bytes_are_compared_as_by_memcmp(void **state)
{
	uint8_t one[35], other[35];

	(void)state;
	for (size_t len = 0; len <= sizeof(one); len++)
		for (size_t at = 0; at < sizeof(one); at++) {
			int expected;

			memset(one, 0x7f, sizeof(one));
			memset(other, 0x7f, sizeof(other));
			other[at] = 0x80;
			/* The first difference counts. */
			if (at + 1 < sizeof(one))
				one[at + 1] = 0xff;
			expected = at < len ? -1 : 0;
			assert_int_equal(bytes_cmp(one, other, len), expected);
			assert_int_equal(bytes_cmp(other, one, len), -expected);
			assert_int_equal(bytes_cmp(one, one, len), 0);
		}
}

static void only_the_unspecified_network_is_the_default(void **state)
{
	struct ip_prefix v4 = prefix("0.0.0.0/0"), v6 = prefix("::/0");
	struct ip_prefix half = prefix("0.0.0.0/1"), host = prefix("10.0.0.0/0"),
			 none = {};

	(void)state;
	assert_true(prefix_is_default(&v4));
	assert_true(prefix_is_default(&v6));
	assert_false(prefix_is_default(&half));
	assert_false(prefix_is_default(&host));
	assert_false(prefix_is_default(&none));
	assert_false(prefix_equal(&v4, &v6));
	assert_false(prefix_equal(&v4, &half));
	assert_true(prefix_equal(&v4, &v4));
}

static void mapped_addresses_are_recognised(void **state)
{
	struct ip_addr mapped = ip("::ffff:10.0.0.1"), v4 = ip("10.0.0.1");
	struct ip_addr compatible = ip("::10.0.0.1");

	(void)state;
	assert_int_equal(mapped.family, AF_INET6);
	assert_true(ip_is_v4_mapped(&mapped));
	assert_false(ip_is_v4_mapped(&v4));
	assert_false(ip_is_v4_mapped(&compatible));
}

static void network_names_follow_the_cni_syntax(void **state)
{
	char longest[CNI_NAME_MAX + 2];

	(void)state;
	assert_true(cni_name_valid("a"));
	assert_true(cni_name_valid("9a_b.c-D"));
	assert_false(cni_name_valid(""));
	assert_false(cni_name_valid(".a"));
	assert_false(cni_name_valid("-a"));
	assert_false(cni_name_valid("_a"));
	assert_false(cni_name_valid("a/b"));
	assert_false(cni_name_valid("a b"));
	assert_false(cni_name_valid("a\n"));
	assert_false(cni_name_valid("\xc3\xa4"));
	memset(longest, 'a', sizeof(longest));
	longest[CNI_NAME_MAX + 1] = '\0';
	assert_false(cni_name_valid(longest));
	longest[CNI_NAME_MAX] = '\0';
	assert_true(cni_name_valid(longest));
}

static void interface_names_are_what_the_kernel_takes(void **state)
{
	static const char *const bad[] = {"",	 ".",	  "..",	   "a/b",
					  "a:b", "a b",	  "a\t",   "a\n",
					  "a\v", "a\xa0", "eth%d", "0123456789abcdef"};

	(void)state;
	assert_true(ifname_valid("e"));
	assert_true(ifname_valid("..."));
	assert_true(ifname_valid("eth0.100@x"));
	assert_true(ifname_valid("0123456789abcde"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (ifname_valid(bad[i]))
			fail_msg("accepted \"%s\"", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_spelled_as_go_spells_them),
		cmocka_unit_test(many_addresses_are_spelled_as_inet_ntop_spells_them),
		cmocka_unit_test(what_is_no_address_is_refused_and_changes_nothing),
		cmocka_unit_test(no_address_has_no_text),
		cmocka_unit_test(bytes_behind_an_ipv4_address_are_zero),
		cmocka_unit_test(prefixes_keep_their_host_bits),
		cmocka_unit_test(bad_prefixes_are_told_from_lengths_out_of_range),
		cmocka_unit_test(macs_are_six_pairs_of_hex_digits),
		cmocka_unit_test(macs_are_equal_in_every_byte_or_where_both_are_not_set),
		cmocka_unit_test(order_is_numeric_and_ipv4_comes_first),
		cmocka_unit_test(next_carries_and_ends_with_the_family),
		cmocka_unit_test(networks_are_masked_at_every_length),
		cmocka_unit_test(a_prefix_contains_its_addresses_and_no_others),
		cmocka_unit_test(a_prefix_contains_what_differs_behind_its_length_alone),
		cmocka_unit_test(bytes_are_compared_as_by_memcmp),
		cmocka_unit_test(only_the_unspecified_network_is_the_default),
		cmocka_unit_test(mapped_addresses_are_recognised),
		cmocka_unit_test(network_names_follow_the_cni_syntax),
		cmocka_unit_test(interface_names_are_what_the_kernel_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
