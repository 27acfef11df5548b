/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy: what the administrator of a node lets configurations ask for. It narrows
 * what may be written by those who write configurations and are no administrators, such
 * as the authors of NetworkAttachmentDefinitions. bridge-cni.conf(5), POLICY, describes
 * it.
 *
 * The first rule whose patterns have the network's name is the network's. The name is
 * among the things that an author writes: so a network that no rule is for is refused.
 */
#ifndef BRIDGE_CNI_CONF_POLICY_H
#define BRIDGE_CNI_CONF_POLICY_H

#include "network.h"
#include "pod.h"

#define POLICY_DIR  "/etc/bridge-cni"
#define POLICY_PATH POLICY_DIR "/policy.json"

struct json_doc;

/* Lists of a rule. One that is not given (@set is false) allows everything, and an empty
 * one allows nothing, or reserves nothing. Texts are borrowed from the document. */
struct policy_texts {
	const char **items;
	size_t n;
	bool set;
};

struct policy_subnets {
	struct ip_prefix *items;
	size_t n;
	bool set;
};

/* Numbers from one to another, inclusive: "22" or "30000-32767". */
struct policy_span {
	const char *text;
	uint32_t from, to;
};

struct policy_spans {
	struct policy_span *items;
	size_t n;
	bool set;
};

/* A key of a network that a rule requires to be true, or to be false. */
struct policy_switch {
	bool value, set;
};

/* The least that a rule requires of the key isolate; ISOLATE_NO: that it is not set. */
struct policy_isolate {
	uint8_t value; /* enum isolate */
	bool set;
};

struct policy_require {
	struct policy_switch force_address, ip_masq, is_gateway, mac_spoof_check,
		port_isolation, promisc_mode, spoof_check;
	const char *over_listener; /* hostPortOverListener; NULL: any */
	struct policy_isolate isolate;
	const char *pod_link; /* "bridged" or "routed"; NULL: either */
};

struct policy_rule {
	size_t index; /* in the policy, for messages */
	struct policy_texts networks, bridges, ipam_types; /* patterns, by fnmatch(3) */
	struct policy_texts log_files, data_dirs, resolv_confs; /* prefixes of paths */
	struct policy_subnets subnets, non_masquerade;
	struct policy_spans host_ports, reserved_host_ports, vlans, mtus;
	struct policy_switch requested_mac; /* false: no pod may ask for a MAC address */
	struct policy_require require;
};

/* Zero-initialise it. */
struct policy {
	struct policy_rule *rules; /* owned */
	size_t n;
	struct json_doc *doc; /* owned */
};

/* Reads a policy. Code 7, with the path of the wrong or unknown key. */
int policy_parse(const char *text, size_t len, struct policy *ret_policy,
		 struct cni_error *err);
void policy_clear(struct policy *policy);

/* Finds the rule for the network of that name. Code 7: there is none. */
int policy_rule_find(const struct policy *policy, const char *network,
		     const struct policy_rule **ret_rule, struct cni_error *err);

/* Is the network, and what is asked for the pod, within the rule? @ipam_only: the program
 * is another plugin's IPAM. Code 7, naming the key of the configuration and the
 * rule's. */
int policy_check(const struct policy_rule *rule, const struct network *network,
		 const struct pod *pod, bool ipam_only, struct cni_error *err);

/* Is what another IPAM plugin gave within the rule: addresses with their subnets, and
 * with @is_gateway their gateways, which the bridge gets? @rule may be NULL. Code 7. */
int policy_check_answer(const struct policy_rule *rule, const struct cni_result *answer,
			bool is_gateway, struct cni_error *err);

/*
 * May the log be written to that file? @rule NULL, or without the key logFile: below
 * /var/log and /run. Returns the length of the part of the path that is the allowed
 * prefix; 0: it may not.
 */
size_t policy_log_prefix(const struct policy_rule *rule, const char *path);

#endif
