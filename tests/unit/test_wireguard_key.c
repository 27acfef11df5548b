/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/tunnel/wireguard_key.h and wireguard_note.h: the text of a key, and what a
 * Node says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "deploy/agent/tunnel/wireguard_note.h"

/* Bytes, and their text as `base64` of coreutils writes it. */
static const struct {
	uint8_t first, step;
	const char *text;
} keys[] = {
	{0, 1, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
	{255, 0, "//////////////////////////////////////////8="},
	{0x35, 0x9d, "NdJvDKlG44Adulf0kS7LaAWiP9x5FrNQ7YonxGH+mzg="},
};

static struct wireguard_key key_of(size_t i)
{
	struct wireguard_key key;

	for (size_t k = 0; k < WIREGUARD_KEY_LEN; k++)
		key.bytes[k] = keys[i].first + k * keys[i].step;
	return key;
}

static void test_a_key_has_the_text_that_wg_prints(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct wireguard_key key = key_of(i), read = {};

		assert_string_equal(WIREGUARD_KEY_TEXT(&key), keys[i].text);
		assert_int_equal(wireguard_key_parse(keys[i].text, WIREGUARD_KEY_TEXT_LEN,
						     &read),
				 0);
		assert_memory_equal(&read, &key, sizeof(key));
	}
}

static void test_what_is_no_key_is_refused_and_changes_nothing(void **state)
{
	static const char *const wrong[] = {
		"",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", /* without '=' */
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", /* bits beyond the end */
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh==",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", /* 33 bytes */
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGx-dHh8=", /* base64url */
		"AAECAwQFBgcICQoLDA0O xAREhMUFRYXGBkaGxwdHh8=",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", /* the kernel's "none" */
	};
	struct wireguard_key key = key_of(1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct wireguard_key read = key;

		assert_int_equal(wireguard_key_parse(wrong[i], strlen(wrong[i]), &read),
				 -EINVAL);
		assert_memory_equal(&read, &key, sizeof(key));
	}
}

/* A digit that is not one of the 64 is found in each place, the NUL among them. */
static void test_each_character_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < WIREGUARD_KEY_TEXT_LEN; i++) {
		char text[WIREGUARD_KEY_TEXT_LEN + 1];
		struct wireguard_key read;

		strcpy(text, keys[0].text);
		text[i] = '\0';
		assert_int_equal(wireguard_key_parse(text, WIREGUARD_KEY_TEXT_LEN, &read),
				 -EINVAL);
	}
}

#define KEY   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OTHER "NdJvDKlG44Adulf0kS7LaAWiP9x5FrNQ7YonxGH+mzg="

static void test_a_note_has_one_spelling(void **state)
{
	static const char *const right[] = {
		"51820:" KEY ",51821:" OTHER ";generation=0",
		"65534:" KEY ",65535:" OTHER ";generation=999999999",
		"51820:" KEY,
		"1:" KEY,
		"65535:" KEY,
	};
	static const char *const wrong[] = {
		"",
		":" KEY,
		"0:" KEY,
		"051820:" KEY,
		"+51820:" KEY,
		" 51820:" KEY,
		"65536:" KEY,
		"99999999999999999999:" KEY,
		"51820",
		"51820:",
		"51820 " KEY,
		"51820:" KEY " ",
		"51820:" KEY ",51821:" OTHER,
		"51820:" KEY ",51821:" OTHER ";generation=",
		"51820:" KEY ",51821:" OTHER ";generation=01",
		"51820:" KEY ",51821:" OTHER ";generation=1000000000",
		"51820:" KEY ",51821:" OTHER ";generation=1 ",
		"51820:" KEY ",51821:" OTHER ",generation=1",
		"51820:" KEY ",51821:" KEY ";generation=1",
		"51820:" KEY ",51820:" OTHER ";generation=1",
		"51820:" KEY ",51821:" OTHER ",51822:" OTHER ";generation=1",
		"51820:" KEY ",",
		"51820:" KEY ";generation=1",
		"51820:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
	};
	struct wireguard_note note = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		char buf[WIREGUARD_NOTE_MAX];

		assert_int_equal(wireguard_note_parse(right[i], &note), 0);
		assert_string_equal(wireguard_note_format(&note, buf), right[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(wireguard_note_parse(wrong[i], &note), -EINVAL);
		assert_int_equal(note.ends[0].port, 65535);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_has_the_text_that_wg_prints),
		cmocka_unit_test(test_what_is_no_key_is_refused_and_changes_nothing),
		cmocka_unit_test(test_each_character_counts),
		cmocka_unit_test(test_a_note_has_one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
