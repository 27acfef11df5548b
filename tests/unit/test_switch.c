/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switch of a network, and the keys that it can't serve. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/identity.h"
#include "conf/json/json_table.h"
#include "conf/network_note.h"
#include "conf/policy.h"
#include "conf/switch_keys.h"
#include "subject.h"

static void assert_refused(const char *keys, const char *message)
{
	_subject_ s;

	assert_true(read_keys(keys, CONFIG_WHOLE, &s) < 0);
	assert_int_equal(s.err.code, CNI_ERR_CONFIG);
	assert_string_equal(s.err.msg, message);
}

static void words_come_back(void **state)
{
	(void)state;
	for (int kind = 0; kind < SWITCH_KINDS; kind++) {
		enum switch_kind found;

		assert_true(switch_find(switch_word(kind), &found));
		assert_int_equal(found, kind);
		assert_string_equal(switch_type.words[kind], switch_word(kind));
	}
	assert_null(switch_type.words[SWITCH_KINDS]);
	assert_false(switch_find("linux", &(enum switch_kind){0}));
	assert_false(switch_find("", &(enum switch_kind){0}));
}

static void a_network_is_on_a_bridge_unless_it_says_otherwise(void **state)
{
	static const char *const keys[] = {
		"",
		"\"type\":\"bridge-cni\"",
		"\"type\":\"bridge\"",
		"\"type\":\"cni-of-ours\"",
		"\"switch\":\"\"",
		"\"switch\":null",
		"\"switch\":\"bridge\",\"type\":\"bridge-cni\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_subject_ s;

		if (read_keys(keys[i], CONFIG_WHOLE, &s) < 0)
			fail_msg("%s: %s", keys[i], s.err.msg);
		assert_int_equal(s.conf.switch_kind, SWITCH_BRIDGE);
		assert_string_equal(s.conf.bridge, DEFAULT_BRIDGE);
		assert_int_equal(s.conf.unserved, 0);
	}
}

static void type_and_switch_agree(void **state)
{
	(void)state;
	assert_refused(
		"\"switch\":\"bridge\",\"type\":\"macvlan\"",
		"switch: \"bridge\" contradicts the type \"macvlan\", which is the "
		"name of another switch; remove the key, or set type to "
		"\"bridge-cni\"");
	assert_refused("\"switch\":\"ovs\",\"type\":\"bridge\"",
		       "switch: \"ovs\" contradicts the type \"bridge\", which is the "
		       "name of another switch; remove the key, or set type to "
		       "\"bridge-cni\"");
}

static void a_bad_word_is_refused(void **state)
{
	_subject_ s;

	(void)state;
	assert_int_equal(read_keys("\"switch\":\"Bridge\"", CONFIG_WHOLE, &s), -EINVAL);
	assert_int_equal(s.err.code, CNI_ERR_CONFIG);
	assert_non_null(strstr(s.err.msg, "switch: \"Bridge\""));
}

/* For DEL and GC the record tells; without one it is the word that can be read. */
static void DEL_does_without_a_right_word(void **state)
{
	static const struct {
		const char *keys;
		enum switch_kind kind;
		const char *bridge;
	} cases[] = {
		{"", SWITCH_BRIDGE, "cni0"},
		{"\"switch\":\"sriov\",\"bridge\":\"br1\"", SWITCH_BRIDGE, "br1"},
		{"\"switch\":7", SWITCH_BRIDGE, "cni0"},
		{"\"switch\":\"ovs\",\"bridge\":\"br1\"", SWITCH_OVS, "br1"},
		{"\"switch\":\"macvlan\",\"type\":[]", SWITCH_MACVLAN, ":macvlan"},
		{"\"type\":\"macvlan\",\"switch\":\"sriov\"", SWITCH_MACVLAN, ":macvlan"},
		{"\"type\":\"macvlan\",\"bridge\":\"br1\"", SWITCH_MACVLAN, ":macvlan"},
		{"\"type\":\"ipvlan\"", SWITCH_IPVLAN, ":ipvlan"},
		{"\"type\":\"macvlan\",\"switch\":\"bridge\"", SWITCH_BRIDGE, "cni0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_subject_ s;

		if (read_keys(cases[i].keys, CONFIG_IDENTITY, &s) < 0)
			fail_msg("%s: %s", cases[i].keys, s.err.msg);
		assert_int_equal(s.conf.switch_kind, cases[i].kind);
		assert_string_equal(s.conf.bridge, cases[i].bridge);
		assert_true(s.conf.owner ==
			    identity_owner("n", cases[i].bridge, DEFAULT_DATA_DIR));
	}
}

/* A network of this switch as config_read() has it before it looks at the keys. */
static struct network network_on(enum switch_kind kind, bool is_of_type)
{
	return (struct network){.switch_kind = kind, .is_of_type = is_of_type};
}

static void a_bridge_serves_every_key(void **state)
{
	struct network network = network_on(SWITCH_BRIDGE, false);
	struct pod pod = {.bandwidth.ingress.rate = 1, .ports.mappings.n = 1};

	(void)state;
	network.bridge_set = network.is_gateway = network.is_default_gateway = true;
	network.ip_masq = network.hairpin_mode = network.promisc_mode = true;
	network.force_address = network.port_isolation = network.quiet_bridge = true;
	network.preserve_default_vlan = network.spoof_check = true;
	network.mac_spoof_check = true;
	network.isolate = ISOLATE_STRICTLY;
	network.pod_link = "routed";
	network.vlan = 1;
	network.vlan_trunk.n = 1;
	assert_int_equal(switch_keys_settle(&network, &pod, NULL), 0);
	assert_int_equal(network.unserved, 0);
	assert_true(network.is_gateway && pod.bandwidth.ingress.rate == 1);
}

static void a_key_that_a_switch_cant_serve_is_named_with_it(void **state)
{
	struct network network = network_on(SWITCH_MACVLAN, false);
	struct cni_error err = {};

	(void)state;
	network.ip_masq = true;
	assert_int_equal(switch_keys_settle(&network, NULL, &err), -ENOTSUP);
	assert_int_equal(err.code, CNI_ERR_CONFIG);
	assert_string_equal(err.msg,
			    "ipMasq: the switch \"macvlan\" can't serve it; remove the "
			    "key, or take the switch \"bridge\" or \"ovs\"");
}

static void what_no_key_asks_for_is_no_matter(void **state)
{
	struct pod pod = {};

	(void)state;
	for (int kind = 0; kind < SWITCH_KINDS; kind++) {
		struct network network = network_on(kind, false);

		network.pod_link = "bridged";
		assert_int_equal(switch_keys_settle(&network, &pod, NULL), 0);
	}
}

static void by_the_references_name_a_key_is_told_and_taken_back(void **state)
{
	struct network network = network_on(SWITCH_MACVLAN, true);
	struct pod pod = {.bandwidth.egress.rate = 1, .ports.mappings.n = 1};
	struct notices notices = {};

	(void)state;
	network.is_gateway = network.is_default_gateway = true;
	assert_int_equal(switch_keys_settle(&network, &pod, NULL), 0);
	assert_false(network.is_gateway || network.is_default_gateway);
	assert_int_equal(pod.bandwidth.egress.rate, 0);
	assert_int_equal(pod.ports.mappings.n, 0);
	switch_keys_tell(&network, &notices);
	assert_string_equal(
		notices.text,
		"isDefaultGateway: ignored, as the switch \"macvlan\" can't serve it; "
		"remove the key\n"
		"isGateway: ignored, as the switch \"macvlan\" can't serve it; remove "
		"the key\n"
		"runtimeConfig.portMappings: ignored, as the switch \"macvlan\" can't "
		"serve it; remove the key\n"
		"ingressRate, egressRate: ignored, as the switch \"macvlan\" can't serve "
		"it; remove the key\n");
	notices_clear(&notices);
}

static void a_key_that_is_taken_back_takes_no_other_one_along(void **state)
{
	struct network network = network_on(SWITCH_MACVLAN, true);
	struct pod pod = {.ports.mappings.n = 1, .ports.entries.n = 1, .mac.set = true};

	(void)state;
	network.macvlan.bc_queue_len = 7;
	assert_int_equal(switch_keys_settle(&network, &pod, NULL), 0);
	assert_int_equal(pod.ports.mappings.n + pod.ports.entries.n, 0);
	assert_true(pod.mac.set);
	assert_int_equal(network.macvlan.bc_queue_len, 7);
}

/* The network's own keys are looked at before there is a pod. */
static void a_networks_own_key_is_taken_back_without_a_pod(void **state)
{
	struct network network = network_on(SWITCH_IPVLAN, true);

	(void)state;
	network.macvlan.bc_queue_len = 7;
	assert_int_equal(switch_keys_settle(&network, NULL, NULL), 0);
	assert_int_equal(network.macvlan.bc_queue_len, 0);
	assert_true(network.unserved);
}

static void a_guard_is_never_ignored(void **state)
{
	struct network guards[7];
	static const char *const keys[] = {"portIsolation", "isolate",	   "podLink",
					   "spoofCheck",    "macspoofchk", "vlan",
					   "vlanTrunk"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(guards); i++)
		guards[i] = network_on(SWITCH_MACVLAN, true);
	guards[0].port_isolation = true;
	guards[1].isolate = ISOLATE_YES;
	guards[2].pod_link = "routed";
	guards[3].spoof_check = guards[3].mac_spoof_check = true;
	guards[4].mac_spoof_check = true;
	guards[5].vlan = 100;
	guards[6].vlan_trunk.n = 1;
	for (size_t i = 0; i < ARRAY_SIZE(guards); i++) {
		struct cni_error err = {};

		assert_int_equal(switch_keys_settle(&guards[i], NULL, &err), -ENOTSUP);
		assert_int_equal(err.code, CNI_ERR_CONFIG);
		assert_int_equal(strncmp(err.msg, keys[i], strlen(keys[i])), 0);
		assert_int_equal(err.msg[strlen(keys[i])], ':');
	}
}

/* cleanup and the store tell owners apart by this. */
static void a_place_is_no_interfaces_name_and_comes_back_in_a_note(void **state)
{
	(void)state;
	for (int kind = 0; kind < SWITCH_KINDS; kind++) {
		const char *place = switch_place(kind);
		_cleanup_(free_p) char *note = NULL;
		_subject_ s = {};

		assert_int_equal(switch_has_bridge(kind), !place);
		if (!place)
			continue;
		assert_non_null(strchr(place, ':'));
		assert_true(strlen(place) < IF_NAMESIZE);
		assert_true(switch_place_valid(place));
		assert_int_equal(switch_of_place(place), kind);
		note = network_note_make("n", place, "/d");
		assert_non_null(note);
		assert_int_equal(json_parse(note, strlen(note), &s.doc, &s.err), 0);
		assert_int_equal(
			config_read(s.doc, CONFIG_IDENTITY, &s.conf, &s.pod, &s.err), 0);
		assert_int_equal(s.conf.switch_kind, kind);
		assert_string_equal(s.conf.bridge, place);
	}
	assert_true(switch_place_valid("cni0"));
	assert_false(switch_place_valid(":sriov"));
}

static void a_list_of_bridges_allows_no_switch_without_one(void **state)
{
	const char *bridges[] = {"cni*"}, *places[] = {":macvlan"};
	struct policy_rule rule = {.bridges = {.set = true, .items = bridges, .n = 1}};
	struct network network = network_on(SWITCH_MACVLAN, false);
	const struct pod pod = {};
	struct cni_error err = {};

	(void)state;
	network.bridge = switch_place(SWITCH_MACVLAN);
	assert_int_equal(policy_check(&rule, &network, &pod, false, &err), -EPERM);
	assert_int_equal(err.code, CNI_ERR_CONFIG);
	assert_string_equal(err.msg, "switch: \"macvlan\" is not allowed by "
				     "rules[0].bridges of /etc/bridge-cni/policy.json");
	rule.bridges.items = places;
	assert_int_equal(policy_check(&rule, &network, &pod, false, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_come_back),
		cmocka_unit_test(a_network_is_on_a_bridge_unless_it_says_otherwise),
		cmocka_unit_test(type_and_switch_agree),
		cmocka_unit_test(a_bad_word_is_refused),
		cmocka_unit_test(DEL_does_without_a_right_word),
		cmocka_unit_test(a_bridge_serves_every_key),
		cmocka_unit_test(a_key_that_a_switch_cant_serve_is_named_with_it),
		cmocka_unit_test(what_no_key_asks_for_is_no_matter),
		cmocka_unit_test(by_the_references_name_a_key_is_told_and_taken_back),
		cmocka_unit_test(a_key_that_is_taken_back_takes_no_other_one_along),
		cmocka_unit_test(a_networks_own_key_is_taken_back_without_a_pod),
		cmocka_unit_test(a_guard_is_never_ignored),
		cmocka_unit_test(a_list_of_bridges_allows_no_switch_without_one),
		cmocka_unit_test(a_place_is_no_interfaces_name_and_comes_back_in_a_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
