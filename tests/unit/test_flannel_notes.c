/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/tunnel/flannel_notes.h: what flannel's annotations of a Node say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "conf/base/error.h"
#include "deploy/agent/tunnel/flannel_notes.h"

#define DATA "{\"VNI\":1,\"VtepMAC\":\"0a:11:22:33:44:55\"}"

/* As flannel writes them on a node with both families. */
static const char *const both[FLANNEL_NOTES] = {
	[FLANNEL_MANAGED] = "true",
	[FLANNEL_TYPE] = "vxlan",
	[FLANNEL_DATA] = DATA,
	[FLANNEL_DATA_6] = "{\"VNI\":2,\"VtepMAC\":\"0a:11:22:33:44:66\"}",
	[FLANNEL_PUBLIC] = "192.0.2.7",
	[FLANNEL_PUBLIC_6] = "2001:db8::7",
};

/* Reads @both with another text in one place. */
static struct flannel_notes with(enum flannel_note at, const char *text)
{
	const char *texts[FLANNEL_NOTES];
	struct flannel_notes notes;

	memcpy(texts, both, sizeof(texts));
	texts[at] = text;
	assert_true(flannel_notes_read(texts, &notes));
	return notes;
}

static void assert_fault(enum flannel_note at, const char *text, int family,
			 enum flannel_fault fault)
{
	struct flannel_notes notes = with(at, text);

	assert_true(notes.sides[family].there);
	assert_int_equal(notes.sides[family].fault, fault);
	assert_int_equal(notes.sides[family].at, at);
}

static void both_families_are_read(void **state)
{
	struct flannel_notes notes = with(FLANNEL_MANAGED, "true");

	(void)state;
	for (int i = 0; i < IP_FAMILIES; i++) {
		assert_true(notes.sides[i].there);
		assert_int_equal(notes.sides[i].fault, FLANNEL_FINE);
	}
	assert_int_equal(notes.sides[0].vni, 1);
	assert_int_equal(notes.sides[1].vni, 2);
	assert_string_equal(MAC_TEXT(&notes.sides[0].mac), "0a:11:22:33:44:55");
	assert_string_equal(MAC_TEXT(&notes.sides[1].mac), "0a:11:22:33:44:66");
	assert_string_equal(IP_TEXT(&notes.sides[0].addr), "192.0.2.7");
	assert_string_equal(IP_TEXT(&notes.sides[1].addr), "2001:db8::7");
}

static void a_Node_that_flannel_does_not_manage_has_no_side(void **state)
{
	static const char *const values[] = {NULL, "", "false", "True", "1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const char *texts[FLANNEL_NOTES];
		struct flannel_notes notes;

		memcpy(texts, both, sizeof(texts));
		texts[FLANNEL_MANAGED] = values[i];
		assert_false(flannel_notes_read(texts, &notes));
	}
}

static void a_family_that_flannel_has_not_got_is_not_there(void **state)
{
	static const char *const values[] = {NULL, "", "null"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const char *texts[FLANNEL_NOTES];
		struct flannel_notes notes;

		memcpy(texts, both, sizeof(texts));
		texts[FLANNEL_DATA_6] = values[i];
		texts[FLANNEL_PUBLIC_6] = NULL;
		texts[FLANNEL_OVERWRITE_6] = "2001:db8::8";
		assert_true(flannel_notes_read(texts, &notes));
		assert_false(notes.sides[1].there);
		assert_int_equal(notes.sides[0].fault, FLANNEL_FINE);
	}
}

static void an_address_that_overwrites_goes_before(void **state)
{
	struct flannel_notes notes = with(FLANNEL_OVERWRITE, "198.51.100.7");

	(void)state;
	assert_string_equal(IP_TEXT(&notes.sides[0].addr), "198.51.100.7");
	notes = with(FLANNEL_OVERWRITE, "");
	assert_string_equal(IP_TEXT(&notes.sides[0].addr), "192.0.2.7");
	notes = with(FLANNEL_OVERWRITE_6, "2001:db8::8");
	assert_string_equal(IP_TEXT(&notes.sides[0].addr), "192.0.2.7");
	assert_string_equal(IP_TEXT(&notes.sides[1].addr), "2001:db8::8");
}

static void what_is_wrong_is_told_with_its_annotation(void **state)
{
	static const char *const data[] = {
		"garbage",
		"[]",
		"{}",
		"\"text\"",
		"{\"VNI\":1}",
		"{\"VtepMAC\":\"0a:11:22:33:44:55\"}",
		"{\"VNI\":\"1\",\"VtepMAC\":\"0a:11:22:33:44:55\"}",
		"{\"VNI\":0,\"VtepMAC\":\"0a:11:22:33:44:55\"}",
		"{\"VNI\":16777216,\"VtepMAC\":\"0a:11:22:33:44:55\"}",
		"{\"VNI\":1.5,\"VtepMAC\":\"0a:11:22:33:44:55\"}",
		"{\"VNI\":1,\"VtepMAC\":null}",
		"{\"VNI\":1,\"VtepMAC\":12}",
		"{\"VNI\":1,\"VtepMAC\":\"0a:11:22:33:44\"}",
		"{\"VNI\":1,\"VtepMAC\":\"01:11:22:33:44:55\"}",
		"{\"VNI\":1,\"VtepMAC\":\"ff:ff:ff:ff:ff:ff\"}",
		"{\"VNI\":1,\"VtepMAC\":\"00:00:00:00:00:00\"}",
		DATA "x",
	};
	static const char *const no_address[] = {"x", "2001:db8::7", "192.0.2.7/24",
						 "192.0.2.07", " 192.0.2.7"};
	struct flannel_notes notes;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		assert_fault(FLANNEL_DATA, data[i], 0, FLANNEL_NO_DATA);
	for (size_t i = 0; i < ARRAY_SIZE(no_address); i++) {
		assert_fault(FLANNEL_PUBLIC, no_address[i], 0, FLANNEL_NO_ADDRESS);
		assert_fault(FLANNEL_OVERWRITE, no_address[i], 0, FLANNEL_NO_ADDRESS);
	}
	assert_fault(FLANNEL_PUBLIC_6, "192.0.2.7", 1, FLANNEL_NO_ADDRESS);
	assert_fault(FLANNEL_DATA_6, "x", 1, FLANNEL_NO_DATA);
	assert_fault(FLANNEL_TYPE, "host-gw", 0, FLANNEL_NOT_VXLAN);
	assert_fault(FLANNEL_TYPE, "host-gw", 1, FLANNEL_NOT_VXLAN);
	assert_fault(FLANNEL_TYPE, NULL, 1, FLANNEL_MISSING);
	assert_fault(FLANNEL_DATA, NULL, 0, FLANNEL_MISSING);
	assert_fault(FLANNEL_PUBLIC, NULL, 0, FLANNEL_MISSING);
	assert_fault(FLANNEL_PUBLIC_6, "", 1, FLANNEL_MISSING);
	/* The other family is as it was. */
	notes = with(FLANNEL_DATA, "x");
	assert_int_equal(notes.sides[1].fault, FLANNEL_FINE);
	for (int i = 0; i < FLANNEL_FAULTS; i++)
		assert_non_null(flannel_fault_texts[i]);
}

static void names_and_data_are_written_as_flannel_writes_them(void **state)
{
	struct mac_addr mac = {.set = true,
			       .bytes = {0x0a, 0x11, 0x22, 0x33, 0x44, 0x55}};
	char text[FLANNEL_DATA_MAX];
	struct flannel_names names;

	(void)state;
	flannel_data_write(1, &mac, text);
	assert_string_equal(text, DATA);
	flannel_names_set(&names, "flannel.example.com/");
	assert_string_equal(names.text[FLANNEL_DATA_6],
			    "flannel.example.com/backend-v6-data");
	assert_string_equal(names.text[FLANNEL_OVERWRITE],
			    "flannel.example.com/public-ip-overwrite");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_are_read),
		cmocka_unit_test(a_Node_that_flannel_does_not_manage_has_no_side),
		cmocka_unit_test(a_family_that_flannel_has_not_got_is_not_there),
		cmocka_unit_test(an_address_that_overwrites_goes_before),
		cmocka_unit_test(what_is_wrong_is_told_with_its_annotation),
		cmocka_unit_test(names_and_data_are_written_as_flannel_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
