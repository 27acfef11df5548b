/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf/result.h: the exact text of all seven versions, and that it is always JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_write.h"
#include "conf/result.h"

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

static void assert_text(char *text, const char *expected)
{
	struct json_doc *doc = NULL;
	struct cni_error err = {};

	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(json_parse(text, strlen(text), &doc, &err), 0);
	json_doc_free(doc);
	free(text);
}

static struct interface interfaces[] = {
	{.name = "cni0", .mac = "02:00:00:00:00:01", .mtu = 1500},
	{.name = "veth0",
	 .mac = "",
	 .sandbox = "",
	 .socket_path = "/run/s",
	 .pci_id = "0000:00:1f.6"},
	{.name = "eth0",
	 .mac = "0a:58:0a:01:02:03",
	 .mtu = 1400,
	 .sandbox = "/run/netns/x"},
};
static const char *nameservers[] = {"10.96.0.10", "fd00::a"};
static const char *search[] = {"default.svc.cluster.local"};
static const char *options[] = {"ndots:5"};

/* Dual stack with everything in it, and a second address of each family. */
static struct cni_result full(struct ip_config ips[4], struct route routes[3])
{
	ips[0] = (struct ip_config){prefix("10.1.2.3/24"), ip("10.1.2.1"), 2};
	ips[1] = (struct ip_config){prefix("10.1.9.3/24"), {}, -1};
	ips[2] = (struct ip_config){prefix("fd00::3/64"), ip("fd00::1"), 2};
	ips[3] = (struct ip_config){prefix("fd01::3/64"), ip("fd01::1"), 0};
	routes[0] = (struct route){.dst = prefix("0.0.0.0/0"), .gw = ip("10.1.2.1")};
	routes[1] = (struct route){.dst = prefix("::/0")};
	routes[2] = (struct route){.dst = prefix("192.0.2.0/24"),
				   .gw = ip("10.1.2.9"),
				   .mtu = 1300,
				   .advmss = 1200,
				   .priority = 10,
				   .table_set = true,
				   .table = 0,
				   .scope_set = true,
				   .scope = 253};
	return (struct cni_result){
		.interfaces = {interfaces, 3},
		.ips = {ips, 4},
		.routes = {routes, 3},
		.dns = {.nameservers = {nameservers, 2},
			.domain = "example",
			.search = {search, 1},
			.options = {options, 1}},
	};
}

#define DNS                                           \
	"    \"dns\": {\n"                            \
	"        \"nameservers\": [\n"                \
	"            \"10.96.0.10\",\n"               \
	"            \"fd00::a\"\n"                   \
	"        ],\n"                                \
	"        \"domain\": \"example\",\n"          \
	"        \"search\": [\n"                     \
	"            \"default.svc.cluster.local\"\n" \
	"        ],\n"                                \
	"        \"options\": [\n"                    \
	"            \"ndots:5\"\n"                   \
	"        ]\n"                                 \
	"    }\n"                                     \
	"}\n"

#define OLD_SHAPE(version)                             \
	"{\n"                                          \
	"    \"cniVersion\": \"" version "\",\n"       \
	"    \"ip4\": {\n"                             \
	"        \"ip\": \"10.1.2.3/24\",\n"           \
	"        \"gateway\": \"10.1.2.1\",\n"         \
	"        \"routes\": [\n"                      \
	"            {\n"                              \
	"                \"dst\": \"0.0.0.0/0\",\n"    \
	"                \"gw\": \"10.1.2.1\"\n"       \
	"            },\n"                             \
	"            {\n"                              \
	"                \"dst\": \"192.0.2.0/24\",\n" \
	"                \"gw\": \"10.1.2.9\"\n"       \
	"            }\n"                              \
	"        ]\n"                                  \
	"    },\n"                                     \
	"    \"ip6\": {\n"                             \
	"        \"ip\": \"fd00::3/64\",\n"            \
	"        \"gateway\": \"fd00::1\",\n"          \
	"        \"routes\": [\n"                      \
	"            {\n"                              \
	"                \"dst\": \"::/0\"\n"          \
	"            }\n"                              \
	"        ]\n"                                  \
	"    },\n" DNS

#define INTERFACES                                      \
	"    \"interfaces\": [\n"                       \
	"        {\n"                                   \
	"            \"name\": \"cni0\",\n"             \
	"            \"mac\": \"02:00:00:00:00:01\"\n"  \
	"        },\n"                                  \
	"        {\n"                                   \
	"            \"name\": \"veth0\"\n"             \
	"        },\n"                                  \
	"        {\n"                                   \
	"            \"name\": \"eth0\",\n"             \
	"            \"mac\": \"0a:58:0a:01:02:03\",\n" \
	"            \"sandbox\": \"/run/netns/x\"\n"   \
	"        }\n"                                   \
	"    ],\n"

/* v4 and v6: what stands first in an address, its version or nothing. */
#define IPS(v4, v6)                                                   \
	"    \"ips\": [\n"                                            \
	"        {\n" v4 "            \"interface\": 2,\n"            \
	"            \"address\": \"10.1.2.3/24\",\n"                 \
	"            \"gateway\": \"10.1.2.1\"\n"                     \
	"        },\n"                                                \
	"        {\n" v4 "            \"address\": \"10.1.9.3/24\"\n" \
	"        },\n"                                                \
	"        {\n" v6 "            \"interface\": 2,\n"            \
	"            \"address\": \"fd00::3/64\",\n"                  \
	"            \"gateway\": \"fd00::1\"\n"                      \
	"        },\n"                                                \
	"        {\n" v6 "            \"interface\": 0,\n"            \
	"            \"address\": \"fd01::3/64\",\n"                  \
	"            \"gateway\": \"fd01::1\"\n"                      \
	"        }\n"                                                 \
	"    ],\n"

#define ROUTES(more)                                 \
	"    \"routes\": [\n"                        \
	"        {\n"                                \
	"            \"dst\": \"0.0.0.0/0\",\n"      \
	"            \"gw\": \"10.1.2.1\"\n"         \
	"        },\n"                               \
	"        {\n"                                \
	"            \"dst\": \"::/0\"\n"            \
	"        },\n"                               \
	"        {\n"                                \
	"            \"dst\": \"192.0.2.0/24\",\n"   \
	"            \"gw\": \"10.1.2.9\"" more "\n" \
	"        }\n"                                \
	"    ],\n"

#define MIDDLE_SHAPE(version)                                       \
	"{\n    \"cniVersion\": \"" version                         \
	"\",\n" INTERFACES IPS("            \"version\": \"4\",\n", \
			       "            \"version\": \"6\",\n") ROUTES("") DNS

static void every_version_has_its_shape(void **state)
{
	static const char *const expected[CNI_VERSIONS] = {
		[CNI_0_1_0] = OLD_SHAPE("0.1.0"),
		[CNI_0_2_0] = OLD_SHAPE("0.2.0"),
		[CNI_0_3_0] = MIDDLE_SHAPE("0.3.0"),
		[CNI_0_3_1] = MIDDLE_SHAPE("0.3.1"),
		[CNI_0_4_0] = MIDDLE_SHAPE("0.4.0"),
		[CNI_1_0_0] = "{\n    \"cniVersion\": \"1.0.0\",\n" INTERFACES IPS("", "")
			ROUTES("") DNS,
		[CNI_1_1_0] = "{\n    \"cniVersion\": \"1.1.0\",\n"
			      "    \"interfaces\": [\n"
			      "        {\n"
			      "            \"name\": \"cni0\",\n"
			      "            \"mac\": \"02:00:00:00:00:01\",\n"
			      "            \"mtu\": 1500\n"
			      "        },\n"
			      "        {\n"
			      "            \"name\": \"veth0\",\n"
			      "            \"socketPath\": \"/run/s\",\n"
			      "            \"pciID\": \"0000:00:1f.6\"\n"
			      "        },\n"
			      "        {\n"
			      "            \"name\": \"eth0\",\n"
			      "            \"mac\": \"0a:58:0a:01:02:03\",\n"
			      "            \"mtu\": 1400,\n"
			      "            \"sandbox\": \"/run/netns/x\"\n"
			      "        }\n"
			      "    ],\n" IPS("", "")
				      ROUTES(",\n            \"mtu\": 1300,\n"
					     "            \"advmss\": 1200,\n"
					     "            \"priority\": 10,\n"
					     "            \"table\": 0,\n"
					     "            \"scope\": 253") DNS,
	};
	struct ip_config ips[4];
	struct route routes[3];
	struct cni_result result = full(ips, routes);

	(void)state;
	for (int v = 0; v < CNI_VERSIONS; v++)
		assert_text(result_text(&result, v), expected[v]);
}

static void an_empty_result_has_an_empty_dns(void **state)
{
	struct cni_result result = {};

	(void)state;
	for (int v = 0; v < CNI_VERSIONS; v++) {
		char expected[128];

		snprintf(expected, sizeof(expected),
			 "{\n    \"cniVersion\": \"%s\",\n    \"dns\": {}\n}\n",
			 cni_version_names[v]);
		assert_text(result_text(&result, v), expected);
	}
}

static void an_old_result_has_only_the_families_there_are(void **state)
{
	struct ip_config v6 = {.address = prefix("fd00::3/64"), .interface = -1};
	struct route route = {.dst = prefix("0.0.0.0/0")};
	struct cni_result result = {.ips = {&v6, 1}, .routes = {&route, 1}};

	(void)state;
	assert_text(result_text(&result, CNI_0_2_0), "{\n"
						     "    \"cniVersion\": \"0.2.0\",\n"
						     "    \"ip6\": {\n"
						     "        \"ip\": \"fd00::3/64\"\n"
						     "    },\n"
						     "    \"dns\": {}\n"
						     "}\n");
}

/* A terminal that a text is printed on takes U+009B for the start of a command. */
static void text_has_no_control_characters(void **state)
{
	struct json_writer writer = {};

	(void)state;
	json_open(&writer, NULL, '{');
	json_text(&writer, "a", "\x1b[m\x7f\xc2\x80\xc2\x9f\xc2\xa0\xc3\xa4\x80z");
	json_close(&writer, '}');
	assert_text(json_finish(&writer),
		    "{\n    \"a\": "
		    "\"\\u001b[m\\u007f\\u0080\\u009f\xc2\xa0\xc3\xa4\xef\xbf\xbdz\"\n"
		    "}\n");
}

static void errors_have_details_only_when_there_are_some(void **state)
{
	struct cni_error err = {};

	(void)state;
	error_set(&err, CNI_ERR_CONFIG, EINVAL, "name: missing network name");
	assert_text(error_text(&err, CNI_0_4_0),
		    "{\n"
		    "    \"cniVersion\": \"0.4.0\",\n"
		    "    \"code\": 7,\n"
		    "    \"msg\": \"name: missing network name\"\n"
		    "}\n");
	error_details(&err, "more");
	assert_text(error_text(&err, CNI_1_1_0),
		    "{\n"
		    "    \"cniVersion\": \"1.1.0\",\n"
		    "    \"code\": 7,\n"
		    "    \"msg\": \"name: missing network name\",\n"
		    "    \"details\": \"more\"\n"
		    "}\n");
}

static void any_bytes_in_an_error_come_out_as_json(void **state)
{
	struct cni_error err = {
		.code = CNI_ERR_ENVIRONMENT,
		.msg = "\"\\/\b\f\n\r\t\x01\x1f\x7f \xc3\xa4 \xff \xc3( \xe2\x82",
	};

	(void)state;
	assert_text(
		error_text(&err, CNI_1_0_0),
		"{\n"
		"    \"cniVersion\": \"1.0.0\",\n"
		"    \"code\": 4,\n"
		"    \"msg\": \"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f \xc3\xa4 "
		"\xef\xbf\xbd \xef\xbf\xbd( \xef\xbf\xbd\xef\xbf\xbd\"\n"
		"}\n");
}

static void a_cut_error_is_still_json(void **state)
{
	struct cni_error err = {};
	struct json_doc *doc = NULL;
	struct cni_error parse_err = {};
	char long_text[3 * ERROR_MSG_MAX + 1];
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(long_text) - 1; i += 3)
		memcpy(long_text + i, "\xe2\x82\xac", 4);
	error_set(&err, CNI_ERR_CONFIG, EINVAL, "x%s", long_text);
	error_details(&err, "%s", long_text);
	text = error_text(&err, CNI_1_0_0);
	assert_non_null(text);
	assert_null(strstr(text, "\xef\xbf\xbd"));
	assert_int_equal(json_parse(text, strlen(text), &doc, &parse_err), 0);
	json_doc_free(doc);
	free(text);
}

static void the_versions_are_listed_oldest_first(void **state)
{
	(void)state;
	assert_text(version_text(CNI_1_0_0), "{\n"
					     "    \"cniVersion\": \"1.0.0\",\n"
					     "    \"supportedVersions\": [\n"
					     "        \"0.1.0\",\n"
					     "        \"0.2.0\",\n"
					     "        \"0.3.0\",\n"
					     "        \"0.3.1\",\n"
					     "        \"0.4.0\",\n"
					     "        \"1.0.0\",\n"
					     "        \"1.1.0\"\n"
					     "    ]\n"
					     "}\n");
}

static void versions_match_exactly(void **state)
{
	static const char *const bad[] = {"",	    "1.0",   "1.0.0 ",
					  "v1.0.0", "0.5.0", "1.2.0"};
	enum cni_version version = CNI_0_3_0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cni_version_parse(bad[i], &version), -EINVAL);
	assert_int_equal(version, CNI_0_3_0);
	for (int v = 0; v < CNI_VERSIONS; v++) {
		assert_int_equal(cni_version_parse(cni_version_names[v], &version), 0);
		assert_int_equal(version, v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_has_its_shape),
		cmocka_unit_test(an_empty_result_has_an_empty_dns),
		cmocka_unit_test(an_old_result_has_only_the_families_there_are),
		cmocka_unit_test(text_has_no_control_characters),
		cmocka_unit_test(errors_have_details_only_when_there_are_some),
		cmocka_unit_test(any_bytes_in_an_error_come_out_as_json),
		cmocka_unit_test(a_cut_error_is_still_json),
		cmocka_unit_test(the_versions_are_listed_oldest_first),
		cmocka_unit_test(versions_match_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
