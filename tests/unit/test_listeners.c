/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of /proc/net as the kernel writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "plugin/doctor/listeners.h"

static void assert_listener(const struct listener *listener, const char *addr,
			    uint16_t port, uint32_t inode)
{
	char text[INET6_ADDRSTRLEN];

	assert_non_null(inet_ntop(listener->addr.family, listener->addr.bytes, text,
				  sizeof(text)));
	assert_string_equal(text, addr);
	assert_int_equal(listener->port, port);
	assert_int_equal(listener->inode, inode);
}

static void a_socket_of_sctp_has_each_of_its_addresses(void **state)
{
	struct listener_list list = {};

	(void)state;
	assert_int_equal(
		listener_sctp_line_add(
			" ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n",
			&list),
		0);
	assert_int_equal(list.n, 0);
	assert_int_equal(
		listener_sctp_line_add("ffff8880 ffff8881 2   10  21   8080      0 41234 "
				       "*192.0.2.2 198.51.100.7 \n",
				       &list),
		0);
	assert_int_equal(list.n, 2);
	assert_listener(&list.items[0], "192.0.2.2", 8080, 41234);
	assert_listener(&list.items[1], "198.51.100.7", 8080, 41234);
	assert_int_equal(list.items[1].protocol, IPPROTO_SCTP);
	free(list.items);
}

static void a_socket_of_sctp_may_have_ipv6(void **state)
{
	struct listener_list list = {};

	(void)state;
	assert_int_equal(
		listener_sctp_line_add("0 0 2   10  5    36412  1000 77 "
				       "0000:0000:0000:0000:0000:0000:0000:0000 \n",
				       &list),
		0);
	assert_int_equal(list.n, 1);
	assert_listener(&list.items[0], "::", 36412, 77);
	free(list.items);
}

static void one_that_does_not_listen_is_none(void **state)
{
	struct listener_list list = {};

	(void)state;
	assert_int_equal(listener_sctp_line_add(
				 "0 0 2   7   5    36412  1000 77 0.0.0.0 \n", &list),
			 0);
	assert_int_equal(list.n, 0);
}

static void a_mapped_address_is_one_of_ipv4(void **state)
{
	struct listener_list list = {};

	(void)state;
	assert_int_equal(
		listener_line_add(
			"   0: 0000000000000000FFFF0000020200C0:1F90 "
			"00000000000000000000000000000000:0000 0A 00000000:00000000 "
			"00:00000000 00000000     0        0 5151 1 0 100 0 0 10 0\n",
			AF_INET6, IPPROTO_TCP, 0x0a, &list),
		0);
	assert_int_equal(list.n, 1);
	assert_listener(&list.items[0], "192.0.2.2", 8080, 5151);
	free(list.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_of_sctp_has_each_of_its_addresses),
		cmocka_unit_test(a_socket_of_sctp_may_have_ipv6),
		cmocka_unit_test(one_that_does_not_listen_is_none),
		cmocka_unit_test(a_mapped_address_is_one_of_ipv4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
