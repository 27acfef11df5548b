/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipam.resolvConf as the dns of a result. */
#include "scratch.h"

#include <errno.h>

#include "ipam/resolv_conf.h"

static int read_conf(const char *dir, struct dns *dns, char **text, struct cni_error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/resolv.conf", dir);
	return resolv_conf_read(path, dns, text, err);
}

static void assert_list(const struct string_list *list, size_t n, const char *const *want)
{
	assert_int_equal(list->n, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(list->items[i], want[i]);
}
#define ASSERT_LIST(list, ...)                                           \
	assert_list((list), ARRAY_SIZE(((const char *[]){__VA_ARGS__})), \
		    (const char *[]){__VA_ARGS__})

static void every_key_is_read_as_host_local_does(void **state)
{
	_cleanup_(dns_clear) struct dns dns = {};
	_cleanup_(free_p) char *text = NULL;
	struct cni_error err = {};

	put_file(*state, "resolv.conf",
		 "# a comment\n"
		 "; another, in Latin-1: \xe9\n"
		 "\n"
		 "nameserver 10.0.0.10 ignored\r\n"
		 "  nameserver\t2001:db8::10\n"
		 "domain first.example\n"
		 "domain last.example\n"
		 "search a.example b.example\n"
		 "search c.example\n"
		 "options ndots:5 timeout:1\n"
		 "options\n"
		 "sortlist 10.0.0.0\n"
		 "nameserver 10.0.0.11");
	assert_int_equal(read_conf(*state, &dns, &text, &err), 0);
	ASSERT_LIST(&dns.nameservers, "10.0.0.10", "2001:db8::10", "10.0.0.11");
	assert_string_equal(dns.domain, "last.example");
	ASSERT_LIST(&dns.search, "a.example", "b.example", "c.example");
	ASSERT_LIST(&dns.options, "ndots:5", "timeout:1");
}

static void an_empty_file_is_an_empty_dns(void **state)
{
	_cleanup_(dns_clear) struct dns dns = {};
	_cleanup_(free_p) char *text = NULL;
	struct cni_error err = {};

	put_file(*state, "resolv.conf", "");
	assert_int_equal(read_conf(*state, &dns, &text, &err), 0);
	assert_false(dns_is_set(&dns));
}

static void a_symbolic_link_is_followed(void **state)
{
	_cleanup_(dns_clear) struct dns dns = {};
	_cleanup_(free_p) char *text = NULL;
	struct cni_error err = {};

	put_file(*state, "stub", "nameserver 127.0.0.53\n");
	symlink_file(*state, "stub", "resolv.conf");
	assert_int_equal(read_conf(*state, &dns, &text, &err), 0);
	ASSERT_LIST(&dns.nameservers, "127.0.0.53");
}

/* Code 5 that names key and path; nothing is returned. */
static void assert_refused(const char *dir, const char *part)
{
	struct cni_error err = {};
	struct dns dns = {};
	char *text = NULL;

	assert_true(read_conf(dir, &dns, &text, &err) < 0);
	assert_error(&err, CNI_ERR_IO, "ipam.resolvConf: ");
	assert_error(&err, CNI_ERR_IO, "/resolv.conf");
	assert_error(&err, CNI_ERR_IO, part);
	assert_null(text);
	assert_false(dns_is_set(&dns));
}

static void a_missing_file_is_an_error_that_names_the_key(void **state)
{
	assert_refused(*state, "No such file");
}

static void what_is_not_a_regular_file_is_refused_at_once(void **state)
{
	fifo_file(*state, "resolv.conf");
	assert_refused(*state, "not a regular file");
}

static void a_directory_is_refused(void **state)
{
	make_dir(*state, "resolv.conf");
	assert_refused(*state, "not a regular file");
}

static void the_size_has_a_limit(void **state)
{
	_cleanup_(dns_clear) struct dns dns = {};
	_cleanup_(free_p) char *text = NULL;
	_cleanup_(free_p) char *big = malloc(RESOLV_CONF_MAX + 2);
	struct cni_error err = {};

	assert_non_null(big);
	memset(big, '\n', RESOLV_CONF_MAX + 1);
	big[RESOLV_CONF_MAX] = '\0';
	put_file(*state, "resolv.conf", big);
	assert_int_equal(read_conf(*state, &dns, &text, &err), 0);
	big[RESOLV_CONF_MAX] = '\n';
	big[RESOLV_CONF_MAX + 1] = '\0';
	put_file(*state, "resolv.conf", big);
	assert_refused(*state, "65536");
}

static void words_that_json_cannot_hold_are_refused(void **state)
{
	int fd;

	put_file(*state, "resolv.conf", "search b\xe9.example\n");
	assert_refused(*state, "UTF-8");
	put_file(*state, "resolv.conf", "domain \xc0\x80\n");
	assert_refused(*state, "UTF-8");
	fd = open(SCRATCH_PATH(*state, "resolv.conf"), O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "domain a\0b\n", 11), 11);
	close(fd);
	assert_refused(*state, "NUL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(every_key_is_read_as_host_local_does),
		SCRATCH_TEST(an_empty_file_is_an_empty_dns),
		SCRATCH_TEST(a_symbolic_link_is_followed),
		SCRATCH_TEST(a_missing_file_is_an_error_that_names_the_key),
		SCRATCH_TEST(what_is_not_a_regular_file_is_refused_at_once),
		SCRATCH_TEST(a_directory_is_refused),
		SCRATCH_TEST(the_size_has_a_limit),
		SCRATCH_TEST(words_that_json_cannot_hold_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
