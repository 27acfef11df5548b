/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config_read() of conf/config.h: the configuration's keys, good and bad, and both scopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "subject.h"

static int read_conf(const char *text, enum config_scope scope, struct subject *s)
{
	*s = (struct subject){};
	if (json_parse(text, strlen(text), &s->doc, &s->err) < 0)
		fail_msg("%s: %s", text, s->err.msg);
	return config_read(s->doc, scope, &s->conf, &s->pod, &s->err);
}

static void assert_good(const char *text, enum config_scope scope, struct subject *s)
{
	if (read_conf(text, scope, s) < 0)
		fail_msg("%s: %s", text, s->err.msg);
	assert_int_equal(s->err.code, 0);
}

static void assert_bad(const char *text, int code, const char *message)
{
	_subject_ s;

	assert_int_equal(read_conf(text, CONFIG_WHOLE, &s), -EINVAL);
	assert_string_equal(s.err.msg, message);
	assert_int_equal(s.err.code, code);
	assert_null(s.conf.name);
}

/* A network with this host-local configuration. */
#define NET	    "{\"cniVersion\":\"1.0.0\",\"name\":\"n\","
#define LOCAL(keys) NET "\"ipam\":{\"type\":\"host-local\"," keys "}}"

static void a_name_is_enough_and_the_rest_has_defaults(void **state)
{
	_subject_ s;

	(void)state;
	assert_good("{\"name\":\"n\"}", CONFIG_WHOLE, &s);
	assert_int_equal(s.conf.version, CNI_0_1_0);
	assert_string_equal(s.conf.name, "n");
	assert_string_equal(s.conf.bridge, "cni0");
	assert_string_equal(s.conf.ipam.data_dir, "/var/lib/cni/networks");
	assert_null(s.conf.ipam.resolv_conf);
	assert_null(s.conf.ipam.type);
	assert_int_equal(s.conf.ipam.sets.n, 0);
	assert_false(s.conf.is_gateway || s.conf.is_default_gateway || s.conf.ip_masq ||
		     s.conf.hairpin_mode || s.pod.has_prev_result);
	assert_int_equal(s.conf.mtu, 0);
	assert_false(dns_is_set(&s.conf.dns));
}

static void every_key_is_read(void **state)
{
	_subject_ s;
	const struct route *route;

	(void)state;
	assert_good("{\"cniVersion\":\"1.1.0\",\"name\":\"net.1\",\"type\":\"bridge\","
		    "\"bridge\":\"br0\",\"isGateway\":true,\"ipMasq\":true,"
		    "\"hairpinMode\":true,\"mtu\":9000,\"metric\":50,"
		    "\"dns\":{\"nameservers\":[\"10.0.0.1\"],\"domain\":\"d\","
		    "\"search\":[\"a\",\"b\"],\"options\":[\"ndots:5\"]},"
		    "\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"/d\","
		    "\"resolvConf\":\"/r\",\"ranges\":[[{\"subnet\":\"10.1.2.0/24\","
		    "\"rangeStart\":\"10.1.2.9\",\"rangeEnd\":\"10.1.2.99\","
		    "\"gateway\":\"10.1.2.254\"}]],"
		    "\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"fd00::1/64\","
		    "\"gw\":\"fd00::1\",\"mtu\":1400,\"advmss\":1300,\"priority\":5,"
		    "\"table\":0,\"scope\":253}]}}",
		    CONFIG_WHOLE, &s);
	assert_int_equal(s.conf.version, CNI_1_1_0);
	assert_string_equal(s.conf.name, "net.1");
	assert_string_equal(s.conf.type, "bridge");
	assert_string_equal(s.conf.bridge, "br0");
	assert_true(s.conf.is_gateway && s.conf.ip_masq && s.conf.hairpin_mode);
	assert_false(s.conf.is_default_gateway);
	assert_int_equal(s.conf.mtu, 9000);
	assert_int_equal(s.conf.metric, 50);
	assert_true(dns_is_set(&s.conf.dns));
	assert_string_equal(s.conf.dns.nameservers.items[0], "10.0.0.1");
	assert_string_equal(s.conf.dns.domain, "d");
	assert_int_equal(s.conf.dns.search.n, 2);
	assert_string_equal(s.conf.dns.search.items[1], "b");
	assert_string_equal(s.conf.dns.options.items[0], "ndots:5");
	assert_string_equal(s.conf.ipam.type, "host-local");
	assert_string_equal(s.conf.ipam.data_dir, "/d");
	assert_string_equal(s.conf.ipam.resolv_conf, "/r");
	assert_int_equal(s.conf.ipam.routes.n, 2);
	route = &s.conf.ipam.routes.items[0];
	assert_true(prefix_is_default(&route->dst));
	assert_int_equal(route->gw.family, 0);
	assert_false(route->table_set || route->scope_set);
	route = &s.conf.ipam.routes.items[1];
	assert_string_equal(PREFIX_TEXT(&route->dst), "fd00::/64");
	assert_string_equal(IP_TEXT(&route->gw), "fd00::1");
	assert_int_equal(route->mtu, 1400);
	assert_int_equal(route->advmss, 1300);
	assert_int_equal(route->priority, 5);
	assert_true(route->table_set && route->scope_set);
	assert_int_equal(route->table, 0);
	assert_int_equal(route->scope, 253);
}

static void a_default_gateway_is_a_gateway(void **state)
{
	_subject_ s;

	(void)state;
	assert_good("{\"name\":\"n\",\"isDefaultGateway\":true,\"isGateway\":false}",
		    CONFIG_WHOLE, &s);
	assert_true(s.conf.is_gateway && s.conf.is_default_gateway);
}

static void keys_in_other_case_and_unknown_ones_pass_as_in_go(void **state)
{
	_subject_ s;

	(void)state;
	assert_good("{\"CNIVERSION\":\"0.4.0\",\"Name\":\"n\",\"ISGATEWAY\":true,"
		    "\"capabilities\":{\"ips\":true},\"runtimeConfig\":{},\"x\":[[]]}",
		    CONFIG_WHOLE, &s);
	assert_int_equal(s.conf.version, CNI_0_4_0);
	assert_true(s.conf.is_gateway);
}

/* One set's ranges as text: "subnet start-end gateway; ...". */
static const char *ranges_text(const struct range_set *set, char buf[512])
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->n; i++) {
		const struct ip_range *range = &set->ranges[i];

		used += snprintf(buf + used, 512 - used, "%s%s %s-%s %s", i ? "; " : "",
				 PREFIX_TEXT(&range->subnet), IP_TEXT(&range->start),
				 IP_TEXT(&range->end), IP_TEXT(&range->gateway));
	}
	return buf;
}

static void ranges_are_completed_as_host_local_completes_them(void **state)
{
	static const struct {
		const char *conf, *expected;
	} cases[] = {
		{LOCAL("\"subnet\":\"10.1.2.0/24\""),
		 "10.1.2.0/24 10.1.2.1-10.1.2.254 10.1.2.1"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"10.1.2.4/30\"}]]"),
		 "10.1.2.4/30 10.1.2.5-10.1.2.6 10.1.2.5"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"10.0.0.0/8\"}]]"),
		 "10.0.0.0/8 10.0.0.1-10.255.255.254 10.0.0.1"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"fd00::/64\"}]]"),
		 "fd00::/64 fd00::1-fd00::ffff:ffff:ffff:ffff fd00::1"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"fd00::4/126\"}]]"),
		 "fd00::4/126 fd00::5-fd00::7 fd00::5"},
		/* Network and broadcast address as limits; a gateway outside; "". */
		{LOCAL("\"subnet\":\"10.1.2.0/24\",\"rangeStart\":\"10.1.2.0\","
		       "\"rangeEnd\":\"10.1.2.255\",\"gateway\":\"10.9.9.9\""),
		 "10.1.2.0/24 10.1.2.0-10.1.2.255 10.9.9.9"},
		{LOCAL("\"subnet\":\"10.1.2.0/24\",\"rangeStart\":\"10.1.2.7\","
		       "\"rangeEnd\":\"10.1.2.7\",\"gateway\":\"\""),
		 "10.1.2.0/24 10.1.2.7-10.1.2.7 10.1.2.1"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"10.1.2.0/24\","
		       "\"rangeEnd\":\"10.1.2.9\"},"
		       "{\"subnet\":\"10.1.2.0/24\",\"rangeStart\":\"10.1.2.10\"}]]"),
		 "10.1.2.0/24 10.1.2.1-10.1.2.9 10.1.2.1; "
		 "10.1.2.0/24 10.1.2.10-10.1.2.254 10.1.2.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_subject_ s;
		char buf[512];

		assert_good(cases[i].conf, CONFIG_WHOLE, &s);
		assert_int_equal(s.conf.ipam.sets.n, 1);
		assert_string_equal(ranges_text(&s.conf.ipam.sets.items[0], buf),
				    cases[i].expected);
	}
}

static void the_range_of_the_old_style_comes_first(void **state)
{
	_subject_ s;
	char buf[512];

	(void)state;
	assert_good(LOCAL("\"ranges\":[[{\"subnet\":\"fd00::/64\"}],"
			  "[{\"subnet\":\"10.5.0.0/16\"}]],\"subnet\":\"10.1.2.0/24\""),
		    CONFIG_WHOLE, &s);
	assert_int_equal(s.conf.ipam.sets.n, 3);
	assert_string_equal(ranges_text(&s.conf.ipam.sets.items[0], buf),
			    "10.1.2.0/24 10.1.2.1-10.1.2.254 10.1.2.1");
	assert_string_equal(ranges_text(&s.conf.ipam.sets.items[2], buf),
			    "10.5.0.0/16 10.5.0.1-10.5.255.254 10.5.0.1");
}

static void bad_ranges_are_named(void **state)
{
	static const struct {
		const char *conf, *message;
	} cases[] = {
		{LOCAL("\"x\":1"), "ipam.ranges: missing, expected a range set such as "
				   "[[{\"subnet\": \"10.1.2.0/24\"}]]"},
		{LOCAL("\"ranges\":[]"),
		 "ipam.ranges: missing, expected a range set such as "
		 "[[{\"subnet\": \"10.1.2.0/24\"}]]"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"10.1.2.0/24\"}],[]]"),
		 "ipam.ranges[1]: an empty range set, expected at least one range"},
		{LOCAL("\"ranges\":[[{}]]"),
		 "ipam.ranges[0][0].subnet: missing, expected a "
		 "CIDR such as 10.1.2.0/24"},
		{LOCAL("\"ranges\":[{\"subnet\":\"10.1.2.0/24\"}]"),
		 "ipam.ranges[0]: {\"subnet\":\"10.1.2.0/24\"} is an object, expected "
		 "a list"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"10.1.2.3/33\"}]]"),
		 "ipam.ranges[0][0].subnet: \"10.1.2.3/33\" is not a CIDR: the prefix "
		 "length is at most 32"},
		{LOCAL("\"subnet\":\"10.1.2.3/24\""),
		 "ipam.subnet: 10.1.2.3/24 has host bits set: the network is "
		 "10.1.2.0/24"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"fd00::1/64\"}]]"),
		 "ipam.ranges[0][0].subnet: fd00::1/64 has host bits set: the network is "
		 "fd00::/64"},
		{LOCAL("\"subnet\":\"10.1.2.0/31\""),
		 "ipam.subnet: 10.1.2.0/31 is too small: the prefix length of an IPv4 "
		 "range "
		 "is at most 30"},
		{LOCAL("\"subnet\":\"10.1.2.0/32\""),
		 "ipam.subnet: 10.1.2.0/32 is too small: the prefix length of an IPv4 "
		 "range "
		 "is at most 30"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"fd00::/127\"}]]"),
		 "ipam.ranges[0][0].subnet: fd00::/127 is too small: the prefix "
		 "length of "
		 "an IPv6 range is at most 126"},
		{LOCAL("\"subnet\":\"::ffff:10.1.2.0/120\""),
		 "ipam.subnet: \"::ffff:10.1.2.0/120\" is an IPv4-mapped IPv6 address, "
		 "expected plain IPv4 or IPv6"},
		{LOCAL("\"subnet\":\"10.1.2.0/24\",\"rangeStart\":\"10.1.1.255\""),
		 "ipam.rangeStart: 10.1.1.255 is not in subnet 10.1.2.0/24"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"fd00::/64\"}],"
		       "[{\"subnet\":\"10.1.1.0/24\"},{\"subnet\":\"10.1.2.0/24\","
		       "\"rangeEnd\":\"10.1.3.9\"}]]"),
		 "ipam.ranges[1][1].rangeEnd: 10.1.3.9 is not in subnet 10.1.2.0/24"},
		{LOCAL("\"subnet\":\"10.1.2.0/24\",\"rangeEnd\":\"fd00::1\""),
		 "ipam.rangeEnd: fd00::1 is not in subnet 10.1.2.0/24"},
		{LOCAL("\"subnet\":\"10.1.2.0/24\",\"rangeStart\":\"10.1.2.9\","
		       "\"rangeEnd\":\"10.1.2.8\""),
		 "ipam.rangeStart: 10.1.2.9 is behind rangeEnd, which is 10.1.2.8"},
		{LOCAL("\"subnet\":\"10.1.2.0/24\",\"gateway\":\"fd00::1\""),
		 "ipam.gateway: fd00::1 is not of the same family as subnet 10.1.2.0/24"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"10.1.2.0/24\"},"
		       "{\"subnet\":\"fd00::/64\"}]]"),
		 "ipam.ranges[0][1].subnet: fd00::/64 is IPv6 in a set of IPv4 "
		 "ranges: give "
		 "each family a set of its own"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"10.1.2.0/24\"},"
		       "{\"subnet\":\"10.1.0.0/16\",\"rangeEnd\":\"10.1.2.1\"}]]"),
		 "ipam.ranges[0][1]: 10.1.0.1-10.1.2.1 overlaps ipam.ranges[0][0], "
		 "which is "
		 "10.1.2.1-10.1.2.254"},
		{LOCAL("\"subnet\":\"10.1.2.0/24\",\"ranges\":[[{"
		       "\"subnet\":\"10.2.0.0/16\"}"
		       "],[{\"subnet\":\"10.1.2.0/25\"}]]"),
		 "ipam.ranges[1][0]: 10.1.2.1-10.1.2.126 overlaps ipam, which is "
		 "10.1.2.1-10.1.2.254"},
		/* One address in common, at either end. */
		{LOCAL("\"ranges\":[[{\"subnet\":\"10.1.2.0/24\",\"rangeEnd\":\"10.1.2.9\"},"
		       "{\"subnet\":\"10.1.2.0/24\",\"rangeStart\":\"10.1.2.9\"}]]"),
		 "ipam.ranges[0][1]: 10.1.2.9-10.1.2.254 overlaps ipam.ranges[0][0], which "
		 "is 10.1.2.1-10.1.2.9"},
		{LOCAL("\"ranges\":[[{\"subnet\":\"10.1.2.0/24\",\"rangeStart\":"
		       "\"10.1.2.9\"}],[{\"subnet\":\"10.1.2.0/24\","
		       "\"rangeEnd\":\"10.1.2.9\"}]]"),
		 "ipam.ranges[1][0]: 10.1.2.1-10.1.2.9 overlaps ipam.ranges[0][0], which is "
		 "10.1.2.9-10.1.2.254"},
		{"{\"cniVersion\":\"0.2.0\",\"name\":\"n\",\"ipam\":{"
		 "\"type\":\"host-local\","
		 "\"subnet\":\"10.1.2.0/24\",\"ranges\":[[{\"subnet\":\"fd00::/64\"}],"
		 "[{\"subnet\":\"10.2.0.0/16\"}]]}}",
		 "ipam.ranges[1]: a second IPv4 range set needs cniVersion 0.3.0 or "
		 "later, "
		 "it is 0.2.0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_bad(cases[i].conf, CNI_ERR_CONFIG, cases[i].message);
}

static void one_set_a_family_is_fine_in_old_versions(void **state)
{
	_subject_ s;

	(void)state;
	assert_good(
		"{\"name\":\"n\",\"ipam\":{\"type\":\"host-local\","
		"\"subnet\":\"10.1.2.0/24\",\"ranges\":[[{\"subnet\":\"fd00::/64\"}]]}}",
		CONFIG_WHOLE, &s);
	assert_int_equal(s.conf.ipam.sets.n, 2);
}

#define ROUTES(routes) LOCAL("\"subnet\":\"10.1.2.0/24\",\"routes\":" routes)

static void bad_keys_are_named_with_their_value(void **state)
{
	static const struct {
		const char *conf, *message;
	} cases[] = {
		{"{}", "name: missing network name"},
		{"{\"name\":\"\"}", "name: missing network name"},
		{"{\"name\":null}", "name: missing network name"},
		{"{\"name\":5}", "name: 5 is a number, expected a string"},
		{"{\"name\":\"a/b\"}",
		 "name: \"a/b\" is not a network name, expected at most 255 letters, "
		 "digits, '_', '.' and '-', a letter or digit first"},
		{"{\"name\":\"n\",\"NAME\":\"n\"}",
		 "name: given twice, as \"name\" and as \"NAME\"; remove one of the two"},
		{"{\"name\":\"n\",\"cniVersion\":1}",
		 "cniVersion: 1 is a number, expected a string"},
		{"{\"name\":\"n\",\"bridge\":\"a/b\"}",
		 "bridge: \"a/b\" is not an interface name, expected 1 to 15 bytes, not "
		 "\".\" or \"..\", without '/', ':', '%' and white space"},
		{"{\"name\":\"n\",\"isGateway\":\"true\"}",
		 "isGateway: \"true\" is a string, expected true or false"},
		{"{\"name\":\"n\",\"isDefaultGateway\":1}",
		 "isDefaultGateway: 1 is a number, expected true or false"},
		{"{\"name\":\"n\",\"ipMasq\":[]}",
		 "ipMasq: [] is a list, expected true or false"},
		{"{\"name\":\"n\",\"hairpinMode\":{}}",
		 "hairpinMode: {} is an object, expected true or false"},
		{"{\"name\":\"n\",\"type\":false}",
		 "type: false is a boolean, expected a string"},
		{"{\"name\":\"n\",\"mtu\":\"1500\"}",
		 "mtu: \"1500\" is a string, expected an integer from 68 to 65535"},
		{"{\"name\":\"n\",\"metric\":4294967296}",
		 "metric: 4294967296 is out of range, expected an integer from 0 to "
		 "4294967295"},
		{"{\"name\":\"n\",\"mtu\":67}",
		 "mtu: 67 is out of range, expected an integer from 68 to 65535"},
		{"{\"name\":\"n\",\"mtu\":65536}",
		 "mtu: 65536 is out of range, expected an integer from 68 to 65535"},
		{"{\"name\":\"n\",\"mtu\":-1}",
		 "mtu: -1 is out of range, expected an integer from 68 to 65535"},
		{"{\"name\":\"n\",\"mtu\":1500.5}",
		 "mtu: 1500.5 is not whole, expected an integer from 68 to 65535"},
		{"{\"name\":\"n\",\"mtu\":1279,\"ipam\":{\"type\":\"host-local\","
		 "\"ranges\":[[{\"subnet\":\"10.1.2.0/24\"}],[{"
		 "\"subnet\":\"fd00::/64\"}]]}}",
		 "mtu: 1279 is too small for the IPv6 subnet fd00::/64, expected at "
		 "least "
		 "1280"},
		{"{\"name\":\"n\",\"ipam\":\"x\"}",
		 "ipam: \"x\" is a string, expected an object"},
		{"{\"name\":\"n\",\"ipam\":{\"type\":5}}",
		 "ipam.type: 5 is a number, expected a string"},
		{"{\"name\":\"n\",\"dns\":{\"nameservers\":\"10.0.0.1\"}}",
		 "dns.nameservers: \"10.0.0.1\" is a string, expected a list"},
		{"{\"name\":\"n\",\"dns\":{\"search\":[\"a\",5]}}",
		 "dns.search[1]: 5 is a number, expected a string"},
		{LOCAL("\"subnet\":\"10.1.2.0/24\",\"dataDir\":\"var/lib\""),
		 "ipam.dataDir: \"var/lib\" is not an absolute path, expected it to "
		 "start "
		 "with '/'"},
		{LOCAL("\"subnet\":\"10.1.2.0/24\",\"resolvConf\":\"resolv.conf\""),
		 "ipam.resolvConf: \"resolv.conf\" is not an absolute path, expected "
		 "it to "
		 "start with '/'"},
		{ROUTES("{}"), "ipam.routes: {} is an object, expected a list"},
		{ROUTES("[{\"gw\":\"10.1.2.1\"}]"),
		 "ipam.routes[0].dst: missing, expected a CIDR such as 10.1.2.0/24"},
		{ROUTES("[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"10.0.0.1/8\"}]"),
		 "ipam.routes[1].dst: 10.0.0.1/8 has host bits set: the network is "
		 "10.0.0.0/8"},
		{ROUTES("[{\"dst\":\"0.0.0.0/0\",\"gw\":\"fd00::1\"}]"),
		 "ipam.routes[0].gw: fd00::1 is not of the same family as the "
		 "destination "
		 "0.0.0.0/0"},
		{ROUTES("[{\"dst\":\"0.0.0.0/0\",\"scope\":256}]"),
		 "ipam.routes[0].scope: 256 is out of range, expected an integer from "
		 "0 to "
		 "255"},
		{ROUTES("[{\"dst\":\"0.0.0.0/0\",\"mtu\":-5}]"),
		 "ipam.routes[0].mtu: -5 is out of range, expected an integer from 0 to "
		 "65535"},
		{"{\"name\":\"n\",\"prevResult\":[]}",
		 "prevResult: [] is a list, expected an object"},
		{"{\"name\":\"n\",\"prevResult\":{\"ips\":[{\"address\":\"10.1.2.3\"}]}}",
		 "prevResult.ips[0].address: \"10.1.2.3\" is not a CIDR such as "
		 "10.1.2.0/24"},
		{"{\"name\":\"n\",\"prevResult\":{\"ips\":[{}]}}",
		 "prevResult.ips[0].address: missing, expected a CIDR such as "
		 "10.1.2.0/24"},
		{"{\"name\":\"n\",\"prevResult\":{\"interfaces\":[{\"name\":\"a\"}],"
		 "\"ips\":["
		 "{\"address\":\"10.1.2.3/24\",\"interface\":0},"
		 "{\"address\":\"10.1.2.4/24\",\"interface\":1}]}}",
		 "prevResult.ips[1].interface: 1 is not an index into interfaces, "
		 "which has "
		 "1 entries"},
		{"{\"name\":\"n\",\"prevResult\":{\"ip4\":{\"gateway\":\"10.1.2.1\"}}}",
		 "prevResult.ip4.ip: missing, expected a CIDR such as 10.1.2.0/24"},
		{"{\"name\":\"n\",\"prevResult\":{\"ip6\":{\"ip\":\"fd00::1/64\","
		 "\"routes\":[{\"dst\":\"x\"}]}}}",
		 "prevResult.ip6.routes[0].dst: \"x\" is not a CIDR such as 10.1.2.0/24"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_bad(cases[i].conf, CNI_ERR_CONFIG, cases[i].message);
}

static void lists_have_limits(void **state)
{
	static char text[32768];
	size_t used = sprintf(text, "{\"name\":\"n\",\"dns\":{\"options\":[\"a\"");

	(void)state;
	for (int i = 1; i < 65; i++)
		used += sprintf(text + used, ",\"a\"");
	sprintf(text + used, "]}}");
	assert_bad(text, CNI_ERR_CONFIG, "dns.options: 65 entries, expected at most 64");

	used = sprintf(
		text, "{\"name\":\"n\",\"ipam\":{\"type\":\"host-local\",\"ranges\":[[]");
	for (int i = 1; i < 33; i++)
		used += sprintf(text + used, ",[]");
	sprintf(text + used, "]}}");
	assert_bad(text, CNI_ERR_CONFIG, "ipam.ranges: 33 entries, expected at most 32");
}

static void small_mtus_are_fine_without_ipv6(void **state)
{
	static const char *const good[] = {
		"{\"name\":\"n\",\"mtu\":0}",
		"{\"name\":\"n\",\"mtu\":68}",
		"{\"name\":\"n\",\"mtu\":65535}",
		"{\"name\":\"n\",\"mtu\":576,\"ipam\":{\"type\":\"host-local\","
		"\"subnet\":\"10.1.2.0/24\"}}",
		"{\"name\":\"n\",\"mtu\":1280,\"ipam\":{\"type\":\"host-local\","
		"\"subnet\":\"fd00::/64\"}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_subject_ s;

		assert_good(good[i], CONFIG_WHOLE, &s);
	}
}

static void versions_are_judged_first(void **state)
{
	_subject_ s;

	(void)state;
	assert_int_equal(read_conf("{\"cniVersion\":\"9.9.9\",\"name\":\"/\"}",
				   CONFIG_IDENTITY, &s),
			 -EINVAL);
	assert_string_equal(s.err.msg, "cniVersion: \"9.9.9\" is not supported");
	assert_int_equal(s.err.code, CNI_ERR_VERSION);
	assert_string_equal(
		s.err.details,
		"supported versions: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, "
		"1.1.0");
	/* Then the name, before anything else. */
	assert_bad("{\"mtu\":1,\"bridge\":5}", CNI_ERR_CONFIG,
		   "name: missing network name");
}

static void every_version_is_taken_and_none_means_the_first(void **state)
{
	(void)state;
	for (int v = 0; v < CNI_VERSIONS; v++) {
		_subject_ s;
		char text[64];

		snprintf(text, sizeof(text), "{\"name\":\"n\",\"cniVersion\":\"%s\"}",
			 cni_version_names[v]);
		assert_good(text, CONFIG_WHOLE, &s);
		assert_int_equal(s.conf.version, v);
	}
	_subject_ s;

	assert_good("{\"name\":\"n\",\"cniVersion\":\"\"}", CONFIG_WHOLE, &s);
	assert_int_equal(s.conf.version, CNI_0_1_0);
}

static void del_reads_only_what_it_uses(void **state)
{
	_subject_ s;

	(void)state;
	assert_good("{\"cniVersion\":\"0.4.0\",\"name\":\"n\",\"bridge\":\"br1\","
		    "\"ipMasq\":7,\"isGateway\":\"x\",\"mtu\":\"x\",\"dns\":5,"
		    "\"hairpinMode\":0,\"type\":[],\"prevResult\":\"no\","
		    "\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"/d\",\"subnet\":5,"
		    "\"ranges\":\"gone\",\"routes\":{},\"resolvConf\":\"relative\"}}",
		    CONFIG_IDENTITY, &s);
	assert_string_equal(s.conf.name, "n");
	assert_string_equal(s.conf.bridge, "br1");
	assert_string_equal(s.conf.ipam.type, "host-local");
	assert_string_equal(s.conf.ipam.data_dir, "/d");
	assert_int_equal(s.conf.ipam.sets.n, 0);
	assert_false(s.pod.has_prev_result);
}

static void del_refuses_what_it_uses_when_that_is_wrong(void **state)
{
	static const struct {
		const char *conf, *message;
	} cases[] = {
		{"{\"name\":\"..\"}",
		 "name: \"..\" is not a network name, expected at most "
		 "255 letters, digits, '_', '.' and '-', a letter or "
		 "digit first"},
		{LOCAL("\"dataDir\":\"../x\""),
		 "ipam.dataDir: \"../x\" is not an absolute path, expected it to "
		 "start with "
		 "'/'"},
		{"{\"name\":\"n\",\"bridge\":7}",
		 "bridge: 7 is a number, expected a string"},
		{"{\"name\":\"n\",\"ipam\":{\"type\":{}}}",
		 "ipam.type: {} is an object, expected a string"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_subject_ s;

		assert_int_equal(read_conf(cases[i].conf, CONFIG_IDENTITY, &s), -EINVAL);
		assert_string_equal(s.err.msg, cases[i].message);
		assert_int_equal(s.err.code, CNI_ERR_CONFIG);
	}
}

static void what_a_delegate_is_told_is_its_own_business(void **state)
{
	static const enum config_scope scopes[] = {CONFIG_WHOLE, CONFIG_IDENTITY};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
		_subject_ s;

		assert_good("{\"name\":\"n\",\"ipam\":{\"type\":\"whereabouts\","
			    "\"dataDir\":5,\"ranges\":{},\"subnet\":\"x\","
			    "\"routes\":[{\"dst\":\"x\"}]}}",
			    scopes[i], &s);
		assert_string_equal(s.conf.ipam.type, "whereabouts");
		assert_string_equal(s.conf.ipam.data_dir, DEFAULT_DATA_DIR);
		assert_int_equal(s.conf.ipam.sets.n, 0);
		assert_int_equal(s.conf.ipam.routes.n, 0);
	}
}

static void without_ipam_type_no_ranges_are_needed(void **state)
{
	static const char *const good[] = {
		"{\"name\":\"n\",\"ipam\":{}}",
		"{\"name\":\"n\",\"ipam\":null}",
		"{\"name\":\"n\",\"ipam\":{\"type\":\"\"}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_subject_ s;

		assert_good(good[i], CONFIG_WHOLE, &s);
		assert_true(!s.conf.ipam.type || !*s.conf.ipam.type);
		assert_int_equal(s.conf.ipam.sets.n, 0);
	}
}

static void empty_paths_count_as_absent(void **state)
{
	_subject_ s;

	(void)state;
	assert_good(
		LOCAL("\"subnet\":\"10.1.2.0/24\",\"dataDir\":\"\",\"resolvConf\":\"\""),
		CONFIG_WHOLE, &s);
	assert_string_equal(s.conf.ipam.data_dir, DEFAULT_DATA_DIR);
	assert_null(s.conf.ipam.resolv_conf);
}

static void an_old_prev_result_is_recognised(void **state)
{
	_subject_ s;
	const struct cni_result *prev = &s.pod.prev_result;

	(void)state;
	/* Whatever the version says; and Go's structures print empty keys. */
	assert_good("{\"cniVersion\":\"0.4.0\",\"name\":\"n\",\"prevResult\":{"
		    "\"ip4\":{\"ip\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\","
		    "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.2.1\"}]},"
		    "\"ip6\":{\"ip\":\"fd00::3/64\",\"routes\":[{\"dst\":\"::/0\"}]},"
		    "\"dns\":{\"domain\":\"\",\"search\":[\"x\"]}}}",
		    CONFIG_WHOLE, &s);
	assert_true(s.pod.has_prev_result);
	assert_int_equal(prev->interfaces.n, 0);
	assert_int_equal(prev->ips.n, 2);
	assert_string_equal(PREFIX_TEXT(&prev->ips.items[0].address), "10.1.2.3/24");
	assert_string_equal(IP_TEXT(&prev->ips.items[0].gateway), "10.1.2.1");
	assert_int_equal(prev->ips.items[0].interface, -1);
	assert_string_equal(PREFIX_TEXT(&prev->ips.items[1].address), "fd00::3/64");
	assert_int_equal(prev->ips.items[1].gateway.family, 0);
	assert_int_equal(prev->routes.n, 2);
	assert_string_equal(PREFIX_TEXT(&prev->routes.items[1].dst), "::/0");
	assert_null(prev->dns.domain);
	assert_string_equal(prev->dns.search.items[0], "x");
}

static void a_new_prev_result_is_recognised_with_fields_of_the_future(void **state)
{
	_subject_ s;
	const struct cni_result *prev = &s.pod.prev_result;

	(void)state;
	assert_good(
		"{\"cniVersion\":\"0.3.1\",\"name\":\"n\",\"prevResult\":{"
		"\"cniVersion\":\"1.1.0\",\"future\":[1],"
		"\"interfaces\":[{\"name\":\"cni0\",\"mac\":\"02:00:00:00:00:01\","
		"\"mtu\":1500,\"socketPath\":\"/s\",\"pciID\":\"p\",\"metadata\":{}},"
		"{\"name\":\"eth0\",\"sandbox\":\"/n\"}],"
		"\"ips\":[{\"version\":\"4\",\"interface\":1,\"address\":\"10.1.2.3/24\","
		"\"gateway\":\"10.1.2.1\"},{\"address\":\"fd00::3/64\"}],"
		"\"routes\":[{\"dst\":\"10.0.0.5/8\",\"gw\":\"fd00::1\",\"table\":0}],"
		"\"dns\":{}}}",
		CONFIG_WHOLE, &s);
	assert_int_equal(prev->interfaces.n, 2);
	assert_string_equal(prev->interfaces.items[0].name, "cni0");
	assert_string_equal(prev->interfaces.items[0].mac, "02:00:00:00:00:01");
	assert_int_equal(prev->interfaces.items[0].mtu, 1500);
	assert_string_equal(prev->interfaces.items[0].socket_path, "/s");
	assert_string_equal(prev->interfaces.items[0].pci_id, "p");
	assert_string_equal(prev->interfaces.items[0].sandbox, "");
	assert_string_equal(prev->interfaces.items[1].mac, "");
	assert_string_equal(prev->interfaces.items[1].sandbox, "/n");
	assert_int_equal(prev->ips.n, 2);
	assert_int_equal(prev->ips.items[0].interface, 1);
	assert_int_equal(prev->ips.items[1].interface, -1);
	assert_int_equal(prev->routes.n, 1);
	assert_string_equal(PREFIX_TEXT(&prev->routes.items[0].dst), "10.0.0.0/8");
	assert_true(prev->routes.items[0].table_set);
	assert_false(dns_is_set(&prev->dns));
}

static void a_prev_result_of_null_is_none_and_an_empty_one_is_one(void **state)
{
	_subject_ none, empty;

	(void)state;
	assert_good("{\"name\":\"n\",\"prevResult\":null}", CONFIG_WHOLE, &none);
	assert_false(none.pod.has_prev_result);
	assert_good("{\"name\":\"n\",\"prevResult\":{}}", CONFIG_WHOLE, &empty);
	assert_true(empty.pod.has_prev_result);
	assert_int_equal(empty.pod.prev_result.ips.n, 0);
}

static void clearing_takes_zero_and_twice(void **state)
{
	struct network conf = {};
	struct pod pod = {};
	_subject_ s;

	(void)state;
	network_clear(&conf);
	pod_clear(&pod);
	assert_good(NET "\"prevResult\":{\"ips\":[{\"address\":\"10.1.2.3/24\"}]},"
			"\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.2.0/24\","
			"\"routes\":[{\"dst\":\"::/0\"}]}}",
		    CONFIG_WHOLE, &s);
	assert_non_null(s.pod.prev_result.ips.items);
	network_clear(&s.conf);
	assert_null(s.conf.ipam.sets.items);
	network_clear(&s.conf);
	pod_clear(&s.pod);
	assert_null(s.pod.prev_result.ips.items);
	pod_clear(&s.pod);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_enough_and_the_rest_has_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(a_default_gateway_is_a_gateway),
		cmocka_unit_test(keys_in_other_case_and_unknown_ones_pass_as_in_go),
		cmocka_unit_test(ranges_are_completed_as_host_local_completes_them),
		cmocka_unit_test(the_range_of_the_old_style_comes_first),
		cmocka_unit_test(bad_ranges_are_named),
		cmocka_unit_test(one_set_a_family_is_fine_in_old_versions),
		cmocka_unit_test(bad_keys_are_named_with_their_value),
		cmocka_unit_test(lists_have_limits),
		cmocka_unit_test(small_mtus_are_fine_without_ipv6),
		cmocka_unit_test(versions_are_judged_first),
		cmocka_unit_test(every_version_is_taken_and_none_means_the_first),
		cmocka_unit_test(del_reads_only_what_it_uses),
		cmocka_unit_test(del_refuses_what_it_uses_when_that_is_wrong),
		cmocka_unit_test(what_a_delegate_is_told_is_its_own_business),
		cmocka_unit_test(without_ipam_type_no_ranges_are_needed),
		cmocka_unit_test(empty_paths_count_as_absent),
		cmocka_unit_test(an_old_prev_result_is_recognised),
		cmocka_unit_test(
			a_new_prev_result_is_recognised_with_fields_of_the_future),
		cmocka_unit_test(a_prev_result_of_null_is_none_and_an_empty_one_is_one),
		cmocka_unit_test(clearing_takes_zero_and_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
