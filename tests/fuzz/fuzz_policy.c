/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy. The input is the file; a network and a pod are held against what it says. */
#include "fuzz.h"

#include "conf/paths.h"
#include "conf/policy.h"

static void promise_paths(const struct policy_texts *paths)
{
	for (size_t i = 0; i < paths->n; i++) {
		PROMISE(path_is_plain(paths->items[i]));
		PROMISE(path_below(paths->items[i], paths->items[i]) > 0);
	}
}

static void promise_spans(const struct policy_spans *spans, uint32_t max)
{
	for (size_t i = 0; i < spans->n; i++) {
		PROMISE(spans->items[i].from <= spans->items[i].to);
		PROMISE(spans->items[i].to <= max);
	}
}

static void promise_rule(const struct policy_rule *rule)
{
	promise_paths(&rule->log_files);
	promise_paths(&rule->data_dirs);
	promise_paths(&rule->resolv_confs);
	promise_spans(&rule->host_ports, 65535);
	promise_spans(&rule->reserved_host_ports, 65535);
	promise_spans(&rule->vlans, 4094);
	promise_spans(&rule->mtus, 65535);
	for (size_t i = 0; i < rule->subnets.n; i++) {
		const struct ip_prefix *subnet = &rule->subnets.items[i];
		struct ip_prefix network = prefix_network(subnet);

		PROMISE(prefix_equal(&network, subnet));
	}
}

/* Nothing is refused without a word, nor a log that the rule doesn't speak of. */
static void ask(const struct policy_rule *rule)
{
	struct ip_range range = {};
	struct range_set set = {&range, 1};
	struct port_mapping ports = {.protocol = 6, .host_port = 8080, .count = 100};
	struct vlan_trunk trunk = {.min_id = 100, .max_id = 200};
	struct network network = {
		.bridge = "cni0",
		.ipam = {.type = "host-local",
			 .sets = {&set, 1},
			 .data_dir = "/var/lib/cni/networks",
			 .resolv_conf = "/etc/resolv.conf"},
		.vlan_trunk = {&trunk, 1},
		.log.file = "/run/log",
	};
	struct pod pod = {.mac.set = true, .ports.mappings = {&ports, 1}};
	struct ip_config ip = {};
	struct cni_result answer = {.ips = {&ip, 1}};
	struct cni_error err = {};

	PROMISE(prefix_parse("10.1.2.0/24", &range.subnet) == 0);
	ip.address = range.subnet;
	fuzz_promise_error(policy_check(rule, &network, &pod, false, &err), &err);
	error_clear(&err);
	fuzz_promise_error(policy_check(rule, &network, &pod, true, &err), &err);
	error_clear(&err);
	fuzz_promise_error(policy_check_answer(rule, &answer, true, &err), &err);
	PROMISE(rule->log_files.set || policy_log_prefix(rule, network.log.file) == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(policy_clear) struct policy policy = {};
	const struct policy_rule *rule = NULL;
	struct cni_error err = {};
	int ret = policy_parse((const char *)data, size, &policy, &err);

	fuzz_promise_error(ret, &err);
	if (ret < 0) {
		PROMISE(err.code == CNI_ERR_CONFIG && !policy.rules && !policy.doc);
		return 0;
	}
	ret = policy_rule_find(&policy, "tenant-a", &rule, &err);
	fuzz_promise_error(ret, &err);
	PROMISE((ret == 0) == (rule != NULL));
	for (size_t i = 0; i < policy.n; i++) {
		promise_rule(&policy.rules[i]);
		ask(&policy.rules[i]);
	}
	return 0;
}
