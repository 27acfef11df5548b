/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf/network.c's tables: the bridge plugin's keys beyond the first ones, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "subject.h"

static void assert_good(const char *keys, struct subject *s)
{
	if (read_keys(keys, CONFIG_WHOLE, s) < 0)
		fail_msg("%s: %s", keys, s->err.msg);
	assert_int_equal(s->err.code, 0);
}

static void without_them_nothing_is_asked_for(void **state)
{
	_subject_ s;

	(void)state;
	assert_good("", &s);
	assert_false(s.conf.promisc_mode || s.conf.force_address ||
		     s.conf.port_isolation || s.conf.enable_dad ||
		     s.conf.disable_container_interface || s.conf.masq_fully_random ||
		     s.conf.mac_spoof_check || s.conf.spoof_check || s.pod.mac.set ||
		     s.conf.preserve_default_vlan);
	assert_int_equal(s.conf.mtu, 0);
	assert_int_equal(s.conf.vlan, 0);
	assert_int_equal(s.conf.vlan_trunk.n, 0);
	assert_int_equal(s.conf.non_masquerade.n, 0);
	assert_null(s.conf.masq_backend);
	assert_false(s.conf.routed || s.pod.routed);
}

static void podLink_is_one_of_two_words(void **state)
{
	_subject_ routed, bridged, empty, other, alone;

	(void)state;
	assert_good("\"podLink\":\"routed\",\"isGateway\":true,"
		    "\"ipam\":{\"type\":\"dhcp\"}",
		    &routed);
	assert_true(routed.conf.routed && routed.pod.routed);
	assert_good("\"podLink\":\"bridged\"", &bridged);
	assert_false(bridged.conf.routed || bridged.pod.routed);
	assert_good("\"podLink\":\"\"", &empty);
	assert_false(empty.conf.routed);
	assert_int_equal(read_keys("\"podLink\":\"Routed\"", CONFIG_WHOLE, &other),
			 -EINVAL);
	assert_int_equal(other.err.code, CNI_ERR_CONFIG);
	assert_int_equal(read_keys("\"podLink\":\"routed\"", CONFIG_WHOLE, &alone),
			 -EINVAL);
	assert_int_equal(alone.err.code, CNI_ERR_CONFIG);
}

static void isolate_is_a_boolean_or_strict(void **state)
{
	static const struct {
		const char *value;
		enum isolate isolate;
	} values[] = {
		{"false", ISOLATE_NO},
		{"true", ISOLATE_YES},
		{"\"strict\"", ISOLATE_STRICTLY},
	};
	char keys[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_subject_ s;

		snprintf(keys, sizeof(keys), "\"isolate\":%s", values[i].value);
		assert_good(keys, &s);
		assert_int_equal(s.conf.isolate, values[i].isolate);
	}
}

static void quietBridge_is_the_pods_and_no_trunks(void **state)
{
	_subject_ quiet, without, trunk;

	(void)state;
	assert_good("\"quietBridge\":true,\"vlan\":100", &quiet);
	assert_true(quiet.pod.quiet);
	assert_good("", &without);
	assert_false(without.conf.quiet_bridge || without.pod.quiet);
	assert_int_equal(read_keys("\"quietBridge\":true,\"vlanTrunk\":[{\"id\":100}]",
				   CONFIG_WHOLE, &trunk),
			 -EINVAL);
	assert_int_equal(trunk.err.code, CNI_ERR_CONFIG);
}

static void switches_are_read(void **state)
{
	static const struct {
		const char *key;
		size_t offset;
	} switches[] = {
		{"promiscMode", offsetof(struct network, promisc_mode)},
		{"forceAddress", offsetof(struct network, force_address)},
		{"portIsolation", offsetof(struct network, port_isolation)},
		{"enabledad", offsetof(struct network, enable_dad)},
		{"enableDAD", offsetof(struct network, enable_dad)},
		{"disableContainerInterface",
		 offsetof(struct network, disable_container_interface)},
		{"macspoofchk", offsetof(struct network, mac_spoof_check)},
		{"spoofCheck", offsetof(struct network, spoof_check)},
		{"quietBridge", offsetof(struct network, quiet_bridge)},
		{"ipMasqFullyRandom", offsetof(struct network, masq_fully_random)},
		{"preserveDefaultVlan", offsetof(struct network, preserve_default_vlan)},
	};
	char keys[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		for (int on = 0; on <= 1; on++) {
			_subject_ s;

			snprintf(keys, sizeof(keys), "\"%s\":%s", switches[i].key,
				 on ? "true" : "false");
			assert_good(keys, &s);
			assert_int_equal(*((char *)&s.conf + switches[i].offset), on);
		}
}

static void acceptRA_is_there_or_not(void **state)
{
	_subject_ none, null, on, off;

	(void)state;
	assert_good("", &none);
	assert_good("\"acceptRA\":null", &null);
	assert_false(none.conf.accept_ra_set || null.conf.accept_ra_set);
	assert_good("\"acceptRA\":true", &on);
	assert_true(on.conf.accept_ra_set && on.conf.accept_ra);
	assert_good("\"acceptRA\":false", &off);
	assert_true(off.conf.accept_ra_set && !off.conf.accept_ra);
}

static void spoofCheck_is_macspoofchk_and_more(void **state)
{
	_subject_ s, mac_only;

	(void)state;
	assert_good("\"spoofCheck\":true", &s);
	assert_true(s.conf.spoof_check && s.conf.mac_spoof_check);
	assert_good("\"macspoofchk\":true", &mac_only);
	assert_true(mac_only.conf.mac_spoof_check && !mac_only.conf.spoof_check);
}

static void vlans_are_read(void **state)
{
	_subject_ access, trunk, none, empty;
	const struct vlan_trunk *items;

	(void)state;
	assert_good("\"vlan\":4094", &access);
	assert_int_equal(access.conf.vlan, 4094);
	assert_good("\"vlan\":0,\"vlanTrunk\":[{\"id\":1},{\"minID\":2,\"maxID\":4094},"
		    "{\"id\":7,\"minID\":9,\"maxID\":9},{}]",
		    &trunk);
	assert_int_equal(trunk.conf.vlan_trunk.n, 4);
	items = trunk.conf.vlan_trunk.items;
	assert_int_equal(items[0].id, 1);
	assert_int_equal(items[0].min_id, 0);
	assert_int_equal(items[1].min_id, 2);
	assert_int_equal(items[1].max_id, 4094);
	assert_int_equal(items[2].id, 7);
	assert_int_equal(items[2].max_id, 9);
	assert_good("\"vlan\":5,\"vlanTrunk\":null", &none);
	assert_good("\"vlan\":5,\"vlanTrunk\":[]", &empty);
	assert_int_equal(empty.conf.vlan, 5);
}

static void untagged_frames_have_one_vlan(void **state)
{
	static const struct {
		const char *keys;
		uint16_t vlan;
	} cases[] = {
		{"", 0},
		{"\"vlan\":0,\"vlanTrunk\":[]", 0},
		{"\"vlanTrunk\":[{}]", 0},
		{"\"vlan\":5", 5},
		{"\"vlanTrunk\":[{\"id\":6}]", 1},
		{"\"vlanTrunk\":[{},{\"minID\":6,\"maxID\":7}]", 1},
		{"\"vlan\":5,\"vlanTrunk\":[{\"id\":6}]", 5},
		{"\"vlan\":6,\"vlanTrunk\":[{\"minID\":1,\"maxID\":4094}]", 6},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_subject_ s;

		assert_good(cases[i].keys, &s);
		assert_int_equal(network_native_vlan(&s.conf), cases[i].vlan);
	}
}

static void macs_are_read_by_precedence(void **state)
{
	static const struct {
		const char *keys, *mac;
	} cases[] = {
		{"\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:01\"},"
		 "\"args\":{\"cni\":{\"mac\":\"02:00:00:00:00:02\"}}",
		 "02:00:00:00:00:01"},
		{"\"runtimeConfig\":{\"mac\":\"\"},"
		 "\"args\":{\"cni\":{\"mac\":\"02:00:00:00:00:02\"}}",
		 "02:00:00:00:00:02"},
		{"\"runtimeConfig\":{},\"args\":{\"cni\":{\"mac\":\"0A-58-0A-01-02-03\"}}",
		 "0a:58:0a:01:02:03"},
		{"\"args\":{\"cni\":null,\"mac\":\"x\"},\"runtimeConfig\":null", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_subject_ s;

		assert_good(cases[i].keys, &s);
		assert_int_equal(s.pod.mac.set, cases[i].mac != NULL);
		if (cases[i].mac)
			assert_string_equal(MAC_TEXT(&s.pod.mac), cases[i].mac);
	}
}

static void destinations_are_read(void **state)
{
	_subject_ s;

	(void)state;
	assert_good("\"nonMasqueradeCIDRs\":[\"10.0.0.0/8\",\"fd00::/8\",\"0.0.0.0/0\"]",
		    &s);
	assert_int_equal(s.conf.non_masquerade.n, 3);
	assert_string_equal(PREFIX_TEXT(&s.conf.non_masquerade.items[1]), "fd00::/8");
}

static const struct {
	const char *keys;
	int code;
	const char *message;
} bad[] = {
	{"\"promiscMode\":true,\"hairpinMode\":true", CNI_ERR_CONFIG,
	 "promiscMode: can't be set together with hairpinMode: the pod would get its own "
	 "frames twice"},
	{"\"disableContainerInterface\":true,\"ipam\":{\"type\":\"static\"}",
	 CNI_ERR_CONFIG,
	 "disableContainerInterface: can't be set together with ipam.type: an interface that "
	 "stays down takes no address"},
	{"\"mtu\":67", CNI_ERR_CONFIG, NULL},
	{"\"mtu\":65536", CNI_ERR_CONFIG, NULL},
	{"\"mtu\":-1", CNI_ERR_CONFIG, NULL},
	{"\"vlan\":4095", CNI_ERR_CONFIG, NULL},
	{"\"vlan\":-1", CNI_ERR_CONFIG, NULL},
	{"\"vlan\":\"5\"", CNI_ERR_CONFIG, NULL},
	{"\"vlanTrunk\":[{\"id\":0}]", CNI_ERR_CONFIG, NULL},
	{"\"vlanTrunk\":[{\"id\":4095}]", CNI_ERR_CONFIG, NULL},
	{"\"vlanTrunk\":[{\"minID\":0,\"maxID\":5}]", CNI_ERR_CONFIG, NULL},
	{"\"vlanTrunk\":[{\"minID\":5,\"maxID\":4095}]", CNI_ERR_CONFIG, NULL},
	{"\"vlanTrunk\":[{\"id\":3},{\"minID\":5,\"maxID\":4}]", CNI_ERR_CONFIG,
	 "vlanTrunk[1].minID: 5 is greater than maxID 4"},
	{"\"vlanTrunk\":[{\"minID\":5}]", CNI_ERR_CONFIG,
	 "vlanTrunk[0].maxID: missing, expected minID and maxID together"},
	{"\"vlanTrunk\":[{\"id\":3,\"maxID\":5}]", CNI_ERR_CONFIG,
	 "vlanTrunk[0].minID: missing, expected minID and maxID together"},
	{"\"vlanTrunk\":[5]", CNI_ERR_CONFIG, NULL},
	{"\"vlanTrunk\":{\"id\":5}", CNI_ERR_CONFIG, NULL},
	{"\"vlan\":1234,\"isGateway\":true,\"bridge\":\"bridge-name\"", CNI_ERR_CONFIG,
	 "bridge: with isGateway and vlan the gateway's interface would be "
	 "\"bridge-name.1234\", which is too long; give the bridge a shorter name"},
	{"\"ipMasqBackend\":\"iptables\"", CNI_ERR_UNSUPPORTED_FIELD, NULL},
	{"\"hostPortOverListener\":\"WARN\"", CNI_ERR_CONFIG,
	 "hostPortOverListener: \"WARN\" is not known, expected \"warn\", \"refuse\" or "
	 "\"allow\""},
	{"\"hostPortOverListener\":true", CNI_ERR_CONFIG, NULL},
	{"\"ipMasqBackend\":\"ipvs\"", CNI_ERR_CONFIG,
	 "ipMasqBackend: \"ipvs\" is no backend, expected \"nftables\""},
	{"\"nonMasqueradeCIDRs\":[\"10.0.0.1/8\"]", CNI_ERR_CONFIG,
	 "nonMasqueradeCIDRs[0]: 10.0.0.1/8 has host bits set: the network is 10.0.0.0/8"},
	{"\"nonMasqueradeCIDRs\":\"10.0.0.0/8\"", CNI_ERR_CONFIG, NULL},
	{"\"runtimeConfig\":{\"mac\":\"01:00:5e:00:00:01\"}", CNI_ERR_CONFIG,
	 "runtimeConfig.mac: 01:00:5e:00:00:01 is a multicast address or all zero, expected "
	 "one that an interface can have"},
	{"\"args\":{\"cni\":{\"mac\":\"02:00:00:00:00\"}}", CNI_ERR_CONFIG,
	 "args.cni.mac: \"02:00:00:00:00\" is not a MAC address, expected six pairs of hex "
	 "digits with ':' between them"},
	{"\"args\":{\"cni\":[]}", CNI_ERR_CONFIG, NULL},
	{"\"runtimeConfig\":\"mac\"", CNI_ERR_CONFIG, NULL},
};

static void bad_ones_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_subject_ s;

		if (read_keys(bad[i].keys, CONFIG_WHOLE, &s) == 0)
			fail_msg("%s: taken", bad[i].keys);
		if (bad[i].message)
			assert_string_equal(s.err.msg, bad[i].message);
		if (s.err.code != bad[i].code)
			fail_msg("%s: code %d", s.err.msg, s.err.code);
		assert_null(s.conf.name);
		assert_false(s.pod.mac.set);
	}
}

static void assert_limit(const struct rate_limit *limit, uint64_t rate, uint64_t burst)
{
	assert_true(limit->rate == rate);
	assert_true(limit->burst == burst);
}

static void rates_are_the_configurations_or_else_the_runtimes(void **state)
{
	_subject_ own;
	_subject_ runtimes;
	_subject_ zero;

	(void)state;
#define RUNTIME                                                                         \
	"\"runtimeConfig\":{\"bandwidth\":{\"ingressRate\":1000,\"ingressBurst\":2000," \
	"\"egressRate\":1000000000000000,\"egressBurst\":2147483646}}"
	assert_good("\"egressRate\":8,\"egressBurst\":34359738359," RUNTIME, &own);
	assert_limit(&own.pod.bandwidth.ingress, 0, 0);
	assert_limit(&own.pod.bandwidth.egress, 8, 34359738359);
	assert_good(RUNTIME, &runtimes);
	assert_limit(&runtimes.pod.bandwidth.ingress, 1000, 2000);
	assert_limit(&runtimes.pod.bandwidth.egress, 1000000000000000, 2147483646);
	assert_good("\"ingressBurst\":0," RUNTIME, &zero);
	assert_limit(&zero.pod.bandwidth.egress, 0, 0);
}

static void a_runtimes_boundless_burst_is_a_tenth_of_a_second(void **state)
{
	static const char *const bursts[] = {"2147483647", "4294967295", "34359738359"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bursts); i++) {
		char keys[512];
		_subject_ s;

		snprintf(keys, sizeof(keys),
			 "\"runtimeConfig\":{\"bandwidth\":{"
			 "\"ingressRate\":10000000,\"ingressBurst\":%s,"
			 "\"egressRate\":1000,\"egressBurst\":%s}}",
			 bursts[i], bursts[i]);
		assert_good(keys, &s);
		assert_limit(&s.pod.bandwidth.ingress, 10000000, 1000000);
		assert_limit(&s.pod.bandwidth.egress, 1000, 524288);
	}
}

static void a_listener_is_warned_of_unless_something_else_is_said(void **state)
{
	static const struct {
		const char *keys;
		enum over_listener policy;
	} words[] = {
		{"", OVER_LISTENER_WARN},
		{"\"hostPortOverListener\":\"\"", OVER_LISTENER_WARN},
		{"\"hostPortOverListener\":\"warn\"", OVER_LISTENER_WARN},
		{"\"hostPortOverListener\":\"refuse\"", OVER_LISTENER_REFUSE},
		{"\"hostportoverlistener\":\"allow\"", OVER_LISTENER_ALLOW},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		_subject_ s;

		assert_good(words[i].keys, &s);
		assert_int_equal(s.conf.ports.over_listener, words[i].policy);
	}
}

static void for_DEL_they_may_all_be_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_subject_ s;

		if (read_keys(bad[i].keys, CONFIG_IDENTITY, &s) < 0)
			fail_msg("%s: %s", bad[i].keys, s.err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_them_nothing_is_asked_for),
		cmocka_unit_test(podLink_is_one_of_two_words),
		cmocka_unit_test(isolate_is_a_boolean_or_strict),
		cmocka_unit_test(quietBridge_is_the_pods_and_no_trunks),
		cmocka_unit_test(switches_are_read),
		cmocka_unit_test(acceptRA_is_there_or_not),
		cmocka_unit_test(spoofCheck_is_macspoofchk_and_more),
		cmocka_unit_test(vlans_are_read),
		cmocka_unit_test(untagged_frames_have_one_vlan),
		cmocka_unit_test(macs_are_read_by_precedence),
		cmocka_unit_test(destinations_are_read),
		cmocka_unit_test(rates_are_the_configurations_or_else_the_runtimes),
		cmocka_unit_test(a_runtimes_boundless_burst_is_a_tenth_of_a_second),
		cmocka_unit_test(a_listener_is_warned_of_unless_something_else_is_said),
		cmocka_unit_test(bad_ones_are_named),
		cmocka_unit_test(for_DEL_they_may_all_be_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
