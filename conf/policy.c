/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a policy by tables of its keys. policy_check.c applies it. */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "names.h"
#include "paths.h"

#define ENTRIES_MAX 1024 /* of each list */
#define PORT_MAX    65535
#define VLAN_ID_MAX 4094
#define MTU_MAX	    65535

static int pattern_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const char *text = *(const char **)value;

	if (strlen(text) <= CNI_NAME_MAX)
		return 0;
	return json_error(path, NULL, err, "longer than %d bytes", CNI_NAME_MAX);
}

static int prefix_path_check(void *value, const struct json_path *path,
			     struct cni_error *err)
{
	const char *prefix = *(const char **)value;

	if (path_is_plain(prefix))
		return 0;
	return json_error(path, NULL, err,
			  "\"%s\" is not an absolute path without \"//\", \".\" and "
			  "\"..\"",
			  prefix);
}

/* Reads a number with @end behind it, which is moved on. -1: there is none that fits. */
static long number_read(const char **end, long max)
{
	long number = 0;

	if (**end < '0' || **end > '9')
		return -1;
	for (; **end >= '0' && **end <= '9' && number <= max; (*end)++)
		number = 10 * number + (**end - '0');
	return number <= max ? number : -1;
}

static int span_read(struct policy_span *span, long min, long max,
		     const struct json_path *path, struct cni_error *err)
{
	const char *end = span->text;
	long from = number_read(&end, max), to = from;

	if (from >= 0 && *end == '-') {
		end++;
		to = number_read(&end, max);
	}
	if (from < min || to < from || *end)
		return json_error(path, NULL, err,
				  "\"%s\" is not right, expected a number from %ld to "
				  "%ld, or two with '-' between them",
				  span->text, min, max);
	span->from = (uint32_t)from;
	span->to = (uint32_t)to;
	return 0;
}

static int ports_check(void *value, const struct json_path *path, struct cni_error *err)
{
	return span_read(value, 1, PORT_MAX, path, err);
}

/* 0 stands for a port without VLANs. */
static int vlans_check(void *value, const struct json_path *path, struct cni_error *err)
{
	return span_read(value, 0, VLAN_ID_MAX, path, err);
}

static int mtu_check(void *value, const struct json_path *path, struct cni_error *err)
{
	return span_read(value, 0, MTU_MAX, path, err);
}

#define LIST_OF(item_, structure)                                       \
	{                                                               \
		.kind = JSON_LIST, .max = ENTRIES_MAX, .item = (item_), \
		.item_size = (structure)                                \
	}

static const struct json_type pattern = {.kind = JSON_TEXT, .check = pattern_check};
static const struct json_type path_prefix = {.kind = JSON_TEXT,
					     .check = prefix_path_check};
static const struct json_type port_span = {.kind = JSON_TEXT, .check = ports_check};
static const struct json_type vlan_span = {.kind = JSON_TEXT, .check = vlans_check};
static const struct json_type mtu_span = {.kind = JSON_TEXT, .check = mtu_check};
static const struct json_type over_listener = {
	.kind = JSON_TEXT,
	.words = (const char *const[]){"refuse", NULL},
};
static const struct json_type pod_link = {
	.kind = JSON_TEXT,
	.words = (const char *const[]){"bridged", "routed", NULL},
};
static const struct json_type patterns = LIST_OF(&pattern, sizeof(const char *));
static const struct json_type path_prefixes = LIST_OF(&path_prefix, sizeof(const char *));
static const struct json_type subnets = LIST_OF(&network_prefix_type,
						sizeof(struct ip_prefix));
static const struct json_type ports = LIST_OF(&port_span, sizeof(struct policy_span));
static const struct json_type vlans = LIST_OF(&vlan_span, sizeof(struct policy_span));
static const struct json_type mtus = LIST_OF(&mtu_span, sizeof(struct policy_span));

/* NOLINTBEGIN(bugprone-macro-parentheses): @member is the name of a member. */
#define FIELD_SWITCH(member, key) \
	FIELD_SET(struct policy_require, member.value, member.set, (key), &bool_type)
#define FIELD_LIST(member, key, type) \
	FIELD_SET(struct policy_rule, member, member.set, (key), (type))
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct json_field require_fields[] = {
	FIELD_SWITCH(force_address, "forceAddress"),
	FIELD_SWITCH(ip_masq, "ipMasq"),
	FIELD_SWITCH(is_gateway, "isGateway"),
	FIELD_SWITCH(mac_spoof_check, "macspoofchk"),
	FIELD_SWITCH(port_isolation, "portIsolation"),
	FIELD_SWITCH(promisc_mode, "promiscMode"),
	FIELD_SWITCH(spoof_check, "spoofCheck"),
	FIELD_SET(struct policy_require, isolate.value, isolate.set, "isolate",
		  &isolate_type),
	FIELD(struct policy_require, over_listener, "hostPortOverListener",
	      &over_listener),
	FIELD(struct policy_require, pod_link, "podLink", &pod_link),
};
static const struct json_type require = OBJECT(require_fields);

static const struct json_field rule_fields[] = {
	FIELD_REQUIRED(struct policy_rule, networks, "networks", &patterns),
	FIELD_LIST(bridges, "bridges", &patterns),
	FIELD_LIST(ipam_types, "ipamTypes", &patterns),
	FIELD_LIST(log_files, "logFile", &path_prefixes),
	FIELD_LIST(data_dirs, "dataDir", &path_prefixes),
	FIELD_LIST(resolv_confs, "resolvConf", &path_prefixes),
	FIELD_LIST(subnets, "subnets", &subnets),
	FIELD_LIST(non_masquerade, "nonMasqueradeCIDRs", &subnets),
	FIELD_LIST(host_ports, "hostPorts", &ports),
	FIELD_LIST(reserved_host_ports, "reservedHostPorts", &ports),
	FIELD_LIST(vlans, "vlans", &vlans),
	FIELD_LIST(mtus, "mtu", &mtus),
	FIELD_SET(struct policy_rule, requested_mac.value, requested_mac.set,
		  "requestedMac", &bool_type),
	FIELD(struct policy_rule, require, "require", &require),
};
static const struct json_type rule = OBJECT(rule_fields);
static const struct json_type rules = LIST_OF(&rule, sizeof(struct policy_rule));

static const struct json_field policy_fields[] = {
	{.key = "rules", .type = &rules, .offset = 0, .required = true},
};
static const struct json_type policy_root = OBJECT(policy_fields);

static void refuse_unknown(const struct json_path *path,
			   const struct json_type *const *tables, size_t n, void *data)
{
	struct cni_error *err = data;

	(void)tables;
	(void)n;
	if (!err->code)
		json_error(path, NULL, err, "unknown key");
}

/* In a configuration a key that is null is absent, and what is absent from a rule allows
 * everything: hardly what is meant by a template whose value is missing. */
static void refuse_null(const struct json_path *path, void *data)
{
	struct cni_error *err = data;

	if (!err->code)
		json_error(path, NULL, err,
			   "null is no value; remove the key, or set it");
}

static int read_rules(const struct json_doc *doc, struct json_list *ret_rules,
		      struct cni_error *err)
{
	const struct json_type *const roots[] = {&policy_root};
	struct cni_error unknown = {};
	int ret = json_read(doc, &policy_root, ret_rules, err);

	if (ret < 0)
		return ret;
	json_unknown_keys(doc, roots, ARRAY_SIZE(roots), refuse_unknown, &unknown);
	json_null_values(doc, refuse_null, &unknown);
	if (!unknown.code)
		return 0;
	json_clear(&policy_root, ret_rules);
	error_copy(err, &unknown);
	return -EINVAL;
}

int policy_parse(const char *text, size_t len, struct policy *ret_policy,
		 struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct json_list list = {};
	int ret = json_parse(text, len, &doc, err);

	if (ret == 0)
		ret = read_rules(doc, &list, err);
	if (ret < 0) {
		if (ret != -ENOMEM)
			error_recode(err, CNI_ERR_CONFIG);
		return ret;
	}
	*ret_policy = (struct policy){list.items, list.n, TAKE_PTR(doc)};
	for (size_t i = 0; i < ret_policy->n; i++)
		ret_policy->rules[i].index = i;
	return 0;
}

void policy_clear(struct policy *policy)
{
	struct json_list list = {policy->rules, policy->n};

	json_clear(&policy_root, &list);
	json_doc_free(policy->doc);
	*policy = (struct policy){};
}
