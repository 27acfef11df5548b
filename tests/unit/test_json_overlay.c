/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf/json/json_overlay.h: one document laid over another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_overlay.h"

/* Lays @over on @base. The result is @expected but for white space; NULL: it is @err. */
static void lay(const char *base, const char *over, const char *expected,
		struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL, *top = NULL;
	_cleanup_(free_p) char *text = NULL;
	char *to;
	int ret;

	assert_int_equal(json_parse(base, strlen(base), &doc, NULL), 0);
	assert_int_equal(json_parse(over, strlen(over), &top, NULL), 0);
	ret = json_overlay(doc, top, err);
	assert_int_equal(ret < 0, !expected);
	if (ret < 0)
		return;
	text = json_doc_text(doc);
	to = text;
	for (const char *c = text; *c; c++)
		if (!strchr(" \t\n", *c))
			*to++ = *c;
	*to = '\0';
	assert_string_equal(text, expected);
}

static void keys_of_both_are_there_and_the_upper_ones_win(void **state)
{
	(void)state;
	lay("{\"a\":1,\"o\":{\"x\":1,\"y\":[1,2]}}", "{\"o\":{\"y\":[3]},\"b\":{}}",
	    "{\"a\":1,\"o\":{\"x\":1,\"y\":[3]},\"b\":{}}", NULL);
	lay("{\"a\":{\"x\":1}}", "{\"a\":2}", "{\"a\":2}", NULL);
	lay("{\"a\":2}", "{\"a\":{\"x\":1}}", "{\"a\":{\"x\":1}}", NULL);
}

static void lists_of_objects_are_laid_entry_by_entry(void **state)
{
	(void)state;
	lay("{\"p\":[{\"a\":1,\"b\":1}]}", "{\"p\":[{\"b\":2},{\"c\":3}]}",
	    "{\"p\":[{\"a\":1,\"b\":2},{\"c\":3}]}", NULL);
	lay("{\"p\":[{\"a\":1},{\"b\":1},2]}", "{\"p\":[{\"a\":2},4]}",
	    "{\"p\":[{\"a\":2},4,2]}", NULL);
	lay("{\"p\":[[1]]}", "{\"p\":[[2],[3]]}", "{\"p\":[[2],[3]]}", NULL);
	lay("{\"p\":[{\"a\":1}]}", "{\"p\":[]}", "{\"p\":[]}", NULL);
}

static void keys_match_in_any_case_and_stay_as_they_are_spelt_below(void **state)
{
	(void)state;
	lay("{\"spoofCheck\":true,\"mtu\":1}", "{\"SPOOFCHECK\":false,\"MTU\":null}",
	    "{\"spoofCheck\":false,\"mtu\":1}", NULL);
	lay("{\"p\":[{\"a\":{}}]}", "{\"P\":[{\"A\":[1]}]}", "{\"p\":[{\"a\":[1]}]}",
	    NULL);
}

static void a_key_that_is_there_twice_is_refused_with_its_path(void **state)
{
	struct cni_error err = {};

	(void)state;
	lay("{\"p\":[{}]}", "{\"p\":[{\"a\":1,\"A\":2}]}", NULL, &err);
	assert_int_equal(err.code, CNI_ERR_CONFIG);
	assert_non_null(strstr(err.msg, "p[0].A"));
}

static void the_text_is_laid_out_for_people(void **state)
{
	static const char json[] = "{\"o\":{\"tab\":\"a\\tb: c\"}}";
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(free_p) char *text = NULL;

	(void)state;
	assert_int_equal(json_parse(json, strlen(json), &doc, NULL), 0);
	text = json_doc_text(doc);
	assert_string_equal(text, "{\n    \"o\": {\n        \"tab\": \"a\\tb: c\"\n"
				  "    }\n}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_both_are_there_and_the_upper_ones_win),
		cmocka_unit_test(lists_of_objects_are_laid_entry_by_entry),
		cmocka_unit_test(keys_match_in_any_case_and_stay_as_they_are_spelt_below),
		cmocka_unit_test(a_key_that_is_there_twice_is_refused_with_its_path),
		cmocka_unit_test(the_text_is_laid_out_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
