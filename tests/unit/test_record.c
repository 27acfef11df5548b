/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records: written and read back, torn at every byte, of other versions. */
#include "scratch.h"

#include <errno.h>
#include <sys/socket.h>

#include "conf/identity.h"
#include "conf/base/util.h"
#include "ipam/store/record.h"

static void example(struct record *record, struct record_address addresses[3])
{
	static struct ip_prefix ranges[2];

	*record = (struct record){
		.network = "net",
		.container_id = "pod-1",
		.ifname = "eth0",
		.boot = "a-boot-id",
		.netns = "/run/netns/with space\nnetwork forged\\x41\x01\x7f\xc3\xa4",
		.bridge = "cni0",
		.cookie = UINT64_MAX,
		.native_vlan = 4094,
		.spoof_check = true,
		.spoof_addresses = RECORD_NO,
		.masquerade = RECORD_YES,
		.isolated = true,
		.apart = true,
		.routed = "cni0.4094",
		.quiet = true,
		.neighbours = "cni0.4095",
		.port_turn = UINT32_MAX,
		.masq_all = true,
		.bandwidth = {.ingress = {1, 2}, .egress = {UINT64_MAX, 4}},
		.mac = {.set = true, .bytes = {2, 0, 0xff, 4, 5, 6}},
		.ranges = ranges,
		.ranges_n = 2,
		.addresses = addresses,
		.n = 3,
	};
	assert_int_equal(prefix_parse("10.1.2.0/24", &ranges[0]), 0);
	assert_int_equal(prefix_parse("fd00::/64", &ranges[1]), 0);
	memset(addresses, 0, 3 * sizeof(*addresses));
	assert_int_equal(prefix_parse("10.1.2.3/24", &addresses[0].address), 0);
	assert_int_equal(ip_parse("10.1.2.1", &addresses[0].gateway), 0);
	addresses[0].reserved = true;
	addresses[0].mark = (struct file_mark){UINT64_MAX, -5, 999999999};
	assert_int_equal(prefix_parse("fd00::3/64", &addresses[1].address), 0);
	addresses[1].reserved = true;
	addresses[1].mark = (struct file_mark){7, 1700000000, 1};
	assert_int_equal(prefix_parse("192.0.2.9/32", &addresses[2].address), 0);
}

static void what_is_written_is_read(void **state)
{
	struct record_address addresses[3];
	struct record record, got;
	_cleanup_(free_p) char *text = NULL;

	(void)state;
	example(&record, addresses);
	text = record_format(&record);
	assert_non_null(text);
	assert_int_equal(record_parse(text, strlen(text), &got), 0);
	assert_string_equal(got.network, record.network);
	assert_string_equal(got.container_id, record.container_id);
	assert_string_equal(got.ifname, record.ifname);
	assert_string_equal(got.boot, record.boot);
	assert_string_equal(got.netns, record.netns);
	assert_string_equal(got.bridge, record.bridge);
	assert_true(got.cookie == UINT64_MAX);
	assert_int_equal(got.native_vlan, 4094);
	assert_int_equal(got.spoof_addresses, RECORD_NO);
	assert_int_equal(got.masquerade, RECORD_YES);
	assert_true(got.spoof_check && got.isolated && got.apart);
	assert_string_equal(got.routed, "cni0.4094");
	assert_true(got.quiet);
	assert_string_equal(got.neighbours, "cni0.4095");
	assert_string_equal(record_neighbours(&got), "cni0.4094");
	got.routed[0] = '\0';
	assert_string_equal(record_neighbours(&got), "cni0.4095");
	assert_true(record_is_on(&got, "cni0") && record_is_on(&got, ""));
	assert_false(record_is_on(&got, "cni"));
	assert_true(got.port_turn == UINT32_MAX && got.masq_all);
	assert_memory_equal(&got.bandwidth, &record.bandwidth, sizeof(got.bandwidth));
	assert_memory_equal(got.mac.bytes, record.mac.bytes, MAC_LEN);
	assert_int_equal(got.ranges_n, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(prefix_equal(&got.ranges[i], &record.ranges[i]));
	assert_int_equal(got.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(
			prefix_equal(&got.addresses[i].address, &addresses[i].address));
		assert_true(ip_equal(&got.addresses[i].gateway, &addresses[i].gateway));
		assert_int_equal(got.addresses[i].reserved, addresses[i].reserved);
		assert_true(file_mark_equal(&got.addresses[i].mark, &addresses[i].mark));
	}
	assert_true(record_names(&got, &addresses[0].address.addr, &addresses[0].mark));
	assert_false(record_names(&got, &addresses[0].address.addr, &addresses[1].mark));
	assert_false(record_names(&got, &addresses[2].address.addr, &addresses[2].mark));
	assert_true(record_is_of(&got, "net", "pod-1", "eth0"));
	assert_false(record_is_of(&got, "net", "pod-1", "eth1"));
	record_clear(&got);
}

static void torn_anywhere_or_changed_it_is_noticed(void **state)
{
	struct record_address addresses[3];
	struct record record, got;
	_cleanup_(free_p) char *text = NULL;
	size_t len;

	(void)state;
	example(&record, addresses);
	text = record_format(&record);
	len = strlen(text);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(record_parse(text, cut, &got), -EBADMSG);
	for (size_t i = 0; i < len; i++) {
		char old = text[i];

		text[i] = old == 'x' ? 'y' : 'x';
		assert_true(record_parse(text, len, &got) < 0);
		text[i] = '\0'; /* a block that never reached the disk */
		assert_true(record_parse(text, len, &got) < 0);
		text[i] = old;
	}
	assert_int_equal(record_parse(text, len, &got), 0);
	record_clear(&got);
}

/* @body with the last line that belongs to it. */
static int parse_sealed(const char *body, struct record *ret)
{
	char text[2048];

	snprintf(text, sizeof(text), "%send %016llx\n", body,
		 (unsigned long long)hash_bytes(body, strlen(body)));
	return record_parse(text, strlen(text), ret);
}

#define HEAD "bridge-cni record 1\nnetwork net\ncontainer c\nifname eth0\n"

static void unknown_keys_are_passed_over(void **state)
{
	struct record got;

	(void)state;
	assert_int_equal(parse_sealed(HEAD "later-key tcp 80 8080\nrate 1\n", &got), 0);
	assert_string_equal(got.container_id, "c");
	assert_string_equal(got.netns, "");
	record_clear(&got);
}

static void a_newer_version_is_told_whatever_it_holds(void **state)
{
	static const char *const texts[] = {"bridge-cni record 4\n",
					    "bridge-cni record 99\n\x01\xff what\n",
					    "bridge-cni record 4\nnetwork net\nno end"};
	struct record got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(record_parse(texts[i], strlen(texts[i]), &got),
				 -ENOTSUP);
	assert_int_equal(parse_sealed("bridge-cni record 7\nx y\n", &got), -ENOTSUP);
}

static void a_switch_is_told_and_a_bridge_is_not(void **state)
{
	struct record_address addresses[3];
	struct record record, got;
	_cleanup_(free_p) char *bridge = NULL;

	(void)state;
	example(&record, addresses);
	bridge = record_format(&record);
	assert_non_null(bridge);
	assert_int_equal(strncmp(bridge, "bridge-cni record 1\n", 20), 0);
	assert_null(strstr(bridge, "\nswitch "));
	for (int kind = SWITCH_OVS; kind < SWITCH_KINDS; kind++) {
		_cleanup_(free_p) char *text = NULL;
		char line[64];

		record.switch_kind = kind;
		record.unseen = kind == SWITCH_IPVLAN;
		text = record_format(&record);
		assert_non_null(text);
		/* A version that knows no switch leaves the attachment to a later one. */
		assert_int_equal(strncmp(text, "bridge-cni record 3\n", 20), 0);
		snprintf(line, sizeof(line), "\nswitch %s\n", switch_word(kind));
		assert_non_null(strstr(text, line));
		assert_int_equal(record_parse(text, strlen(text), &got), 0);
		assert_int_equal(got.switch_kind, kind);
		assert_int_equal(got.unseen, kind == SWITCH_IPVLAN);
		record_clear(&got);
	}
}

static void a_switch_of_a_later_version_is_left_to_it(void **state)
{
	struct record got;

	(void)state;
	assert_int_equal(parse_sealed(HEAD "switch sriov\n", &got), -ENOTSUP);
	assert_int_equal(parse_sealed(HEAD "switch macvlan\n", &got), 0);
	assert_int_equal(got.switch_kind, SWITCH_MACVLAN);
	record_clear(&got);
	assert_int_equal(parse_sealed(HEAD, &got), 0);
	assert_int_equal(got.switch_kind, SWITCH_BRIDGE);
	record_clear(&got);
}

static void nonsense_is_refused(void **state)
{
	static const char *const bodies[] = {
		"",
		"\n",
		"bridge-cni record 0\n"
		"network net\n",
		"bridge-cni record 1\n",
		"bridge-cni record 1\nnetwork net\ncontainer c\n",
		"bridge-cni record one\nnetwork net\ncontainer c\nifname eth0\n",
		HEAD "keyword\n",
		HEAD "cookie -1\n",
		HEAD "cookie 18446744073709551616\n",
		HEAD "mac 1:2\n",
		HEAD "netns \\x0\n",
		HEAD "netns \\x00\n",
		HEAD "netns \\q\n",
		HEAD "address 10.1.2.3 -\n",
		HEAD "address 10.1.2.3/24\n",
		HEAD "address 10.1.2.3/24 gateway\n",
		HEAD "address 10.1.2.3/24 - 5\n",
		HEAD "address 10.1.2.3/24 - 5 1\n",
		HEAD "address 10.1.2.3/24 - 5 1.1000000000\n",
		HEAD "address 10.1.2.3/24 - x 1.1\n",
		HEAD "portturn 4294967296\n",
		HEAD "portturn second\n",
		HEAD "routed \n",
		HEAD "routed sixteen-bytes-ab\n",
		HEAD "neighbours \n",
		HEAD "neighbours sixteen-bytes-ab\n",
		HEAD "hostport tcp - 8080\n",
		HEAD "hostport tcp - 0 80\n",
		HEAD "hostport tcp - 8080 65536\n",
		HEAD "hostport icmp - 8080 80\n",
		HEAD "hostport tcp all 8080 80\n",
		HEAD "hostport tcp - 8080 80 81\n",
		HEAD "hostports tcp -\n",
		HEAD "hostports tcp - \n",
		HEAD "hostports tcp - 8080\n",
		HEAD "hostports tcp - 8080\n80\n",
		HEAD "hostports tcp - 8080:\n",
		HEAD "hostports tcp - 8080:80,\n",
		HEAD "hostports tcp - 8080:80-81\n",
		HEAD "hostports tcp - 8080-:80\n",
		HEAD "hostports tcp - 8081-8080:80\n",
		HEAD "hostports tcp - 0-1:80\n",
		HEAD "hostports tcp - 65535-65536:80\n",
		HEAD "hostports tcp - 1-3:65534\n",
		HEAD "hostports tcp - 1-65535:1\n",
	};
	struct record got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		if (parse_sealed(bodies[i], &got) != -EBADMSG)
			fail_msg("taken: %s", bodies[i]);
}

static void ports_come_back(const struct port_mapping *ports, size_t n,
			    const char *version)
{
	struct record_address addresses[3];
	struct record record, got;
	_cleanup_(free_p) char *text = NULL;

	example(&record, addresses);
	record.ports = (struct port_mapping_list){(struct port_mapping *)ports, n};
	text = record_format(&record);
	assert_non_null(text);
	assert_int_equal(strncmp(text, version, strlen(version)), 0);
	assert_true(strlen(text) < RECORD_MAX);
	assert_int_equal(record_parse(text, strlen(text), &got), 0);
	assert_int_equal(got.ports.n, n);
	for (size_t i = 0; i < n; i++) {
		const struct port_mapping *port = &got.ports.items[i];

		assert_int_equal(port->protocol, ports[i].protocol);
		assert_int_equal(port->host_port, ports[i].host_port);
		assert_int_equal(port->container_port, ports[i].container_port);
		assert_int_equal(port->count, ports[i].count);
		assert_int_equal(port->host_ip.family, ports[i].host_ip.family);
		assert_memory_equal(port->host_ip.bytes, ports[i].host_ip.bytes, 16);
	}
	record_clear(&got);
}

static void few_host_ports_are_written_as_every_version_reads_them(void **state)
{
	const struct port_mapping ports[] = {
		{6, 8080, 80, 1, {}, NULL},
		{6, 9, 9, 1, {AF_INET6, {}}, NULL},
		{17, 53, 5353, 1, {AF_INET, {192, 0, 2, 1}}, NULL},
		{132, 1, 65535, 1, {AF_INET6, {0x20}}, NULL},
	};

	(void)state;
	ports_come_back(ports, ARRAY_SIZE(ports), "bridge-cni record 1\n");
}

static void ranges_of_host_ports_are_of_version_2(void **state)
{
	const struct port_mapping ports[] = {
		{6, 8000, 8000, 601, {}, NULL},
		{6, 9000, 80, 1, {}, NULL},
		{6, 8000, 8000, 2, {AF_INET, {}}, NULL},
		{17, 1, 2, 16384 - 604, {AF_INET, {192, 0, 2, 1}}, NULL},
	};

	(void)state;
	ports_come_back(ports, ARRAY_SIZE(ports), "bridge-cni record 2\n");
}

static void a_record_has_room_for_as_many_host_ports_as_are_taken(void **state)
{
	struct port_mapping *ports = calloc(PORT_RUNS_MAX, sizeof(*ports));

	(void)state;
	for (uint32_t i = 0; i < PORT_RUNS_MAX; i++)
		ports[i] = (struct port_mapping){132, 20000 + 3 * i, 60000 - i, 1,
						 {},  NULL};
	ports_come_back(ports, PORT_RUNS_MAX, "bridge-cni record 2\n");
	ports_come_back(ports, 512, "bridge-cni record 1\n");
	free(ports);
}

static void names_keep_holders_apart(void **state)
{
	char a[RECORD_NAME_MAX], b[RECORD_NAME_MAX];

	(void)state;
	assert_string_not_equal(record_name(holder_hash("ab", "c"), a),
				record_name(holder_hash("a", "bc"), b));
	assert_int_equal(strlen(a), 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(torn_anywhere_or_changed_it_is_noticed),
		cmocka_unit_test(unknown_keys_are_passed_over),
		cmocka_unit_test(a_newer_version_is_told_whatever_it_holds),
		cmocka_unit_test(a_switch_is_told_and_a_bridge_is_not),
		cmocka_unit_test(a_switch_of_a_later_version_is_left_to_it),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(few_host_ports_are_written_as_every_version_reads_them),
		cmocka_unit_test(ranges_of_host_ports_are_of_version_2),
		cmocka_unit_test(a_record_has_room_for_as_many_host_ports_as_are_taken),
		cmocka_unit_test(names_keep_holders_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
