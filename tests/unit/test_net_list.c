/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf/net_list.h: plugins taken out of the files of a runtime's directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "conf/net_list.h"

static const char *const types[] = {"bridge-cni", "bridge", NULL};

static int read_text(const char *text, struct net_list *list, struct cni_error *err)
{
	*err = (struct cni_error){};
	*list = (struct net_list){};
	return net_list_read(text, strlen(text), types, list, err);
}

static void a_lists_name_and_version_stand_in_its_plugins(void **state)
{
	struct net_list list;
	struct cni_error err;

	(void)state;
	assert_int_equal(
		read_text(
			"{\"NAME\":\"net\",\"cniVersion\":\"1.0.0\",\"plugins\":["
			"{\"type\":\"portmap\"},"
			"{\"type\":\"bridge-cni\",\"Name\":\"x\",\"name\":\"y\",\"mtu\":1400},"
			"{\"type\":\"bridge\"}]}",
			&list, &err),
		0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.items[0].index, 1);
	assert_string_equal(list.items[0].text,
			    "{\"type\":\"bridge-cni\",\"mtu\":1400,\"name\":\"net\","
			    "\"cniVersion\":\"1.0.0\"}");
	assert_int_equal(list.items[1].index, 2);
	assert_string_equal(
		list.items[1].text,
		"{\"type\":\"bridge\",\"name\":\"net\",\"cniVersion\":\"1.0.0\"}");
	net_list_clear(&list);
}

static void what_the_list_lacks_its_plugins_lack(void **state)
{
	struct net_list list;
	struct cni_error err;

	(void)state;
	assert_int_equal(
		read_text("{\"plugins\":[{\"type\":\"bridge-cni\",\"name\":\"x\","
			  "\"cniVersion\":\"1.0.0\"}]}",
			  &list, &err),
		0);
	assert_string_equal(list.items[0].text, "{\"type\":\"bridge-cni\"}");
	net_list_clear(&list);
}

static void a_file_of_one_plugin_is_taken_as_it_is(void **state)
{
	static const char text[] = "{ \"type\": \"bridge-cni\", \"name\": \"net\" }";
	struct net_list list;
	struct cni_error err;

	(void)state;
	assert_int_equal(read_text(text, &list, &err), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.items[0].index, -1);
	assert_string_equal(list.items[0].text, text);
	net_list_clear(&list);
	assert_int_equal(read_text("{\"type\":\"loopback\"}", &list, &err), 0);
	assert_int_equal(list.n, 0);
	net_list_clear(&list);
}

static void what_is_wrong_is_named_by_its_path(void **state)
{
	static const char *const wrong[][2] = {
		{"{\"plugins\":[{},{\"type\":5}]}",
		 "plugins[1].type: 5 is a number, expected a string"},
		{"{\"plugins\":5}", "plugins: 5 is a number, expected a list"},
		{"{\"name\":\"a\",\"Name\":\"b\",\"plugins\":[]}",
		 "name: given twice, as \"name\" and as \"Name\"; remove one of the two"},
	};
	struct net_list list;
	struct cni_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_true(read_text(wrong[i][0], &list, &err) < 0);
		assert_int_equal(err.code, CNI_ERR_CONFIG);
		assert_string_equal(err.msg, wrong[i][1]);
		assert_null(list.items);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lists_name_and_version_stand_in_its_plugins),
		cmocka_unit_test(what_the_list_lacks_its_plugins_lack),
		cmocka_unit_test(a_file_of_one_plugin_is_taken_as_it_is),
		cmocka_unit_test(what_is_wrong_is_named_by_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
