/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list is read by a table of all plugins' keys, and its first plugin by another. */
#include "conflist_template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "conf/net_list.h"
#include "conf/ranges.h"

#define VERSIONS_MAX 32 /* of cniVersions */

static const struct json_field capabilities_fields[] = {
	FIELD(struct template_plugin, port_mappings, "portMappings", &bool_type),
	FIELD(struct template_plugin, bandwidth, "bandwidth", &bool_type),
};
static const struct json_type capabilities_type = {
	.kind = JSON_OBJECT,
	.fields = capabilities_fields,
	.n_fields = ARRAY_SIZE(capabilities_fields),
	.item = &bool_type,
};

/* The executable is in one of the runtime's directories. */
static int type_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const char *name = *(const char **)value;

	if (*name && !strchr(name, '/'))
		return 0;
	return json_error(path, NULL, err,
			  "\"%s\", expected the name of an executable, without a /",
			  name);
}

static const struct json_type executable_type = {.kind = JSON_TEXT, .check = type_check};
static const struct json_field no_fields[] = {};
static const struct json_type any_object = {.kind = JSON_OBJECT, .fields = no_fields};
static const struct json_field any_ipam_fields[] = {
	FIELD(struct template_plugin, unused, "type", &text_type),
};
static const struct json_type any_ipam = OBJECT(any_ipam_fields);
/* A runtime that finds something else at these keys has no network at all, whichever
 * plugin they stand in. */
static const struct json_field plugin_fields[] = {
	FIELD_REQUIRED(struct template_plugin, type, "type", &executable_type),
	{.key = "capabilities", .type = &capabilities_type},
	{.key = "ipam", .type = &any_ipam},
	{.key = "dns", .type = &any_object},
	{.key = "prevResult", .type = &any_object},
	FIELD(struct template_plugin, unused, "name", &text_type),
	FIELD(struct template_plugin, unused, "cniVersion", &text_type),
};
static const struct json_type plugin_type = OBJECT(plugin_fields);
static const struct json_type plugins_type = {
	.kind = JSON_LIST,
	.max = NET_LIST_MAX,
	.item = &plugin_type,
	.item_size = sizeof(struct template_plugin),
};
static const struct json_type versions_type = {
	.kind = JSON_LIST,
	.max = VERSIONS_MAX,
	.item = &text_type,
	.item_size = sizeof(const char *),
};

struct list {
	struct template_plugins plugins;
	bool flag; /* for its check alone, as are the versions */
	struct json_list versions;
};

/* The same holds for these. */
static const struct json_field list_fields[] = {
	FIELD(struct list, flag, "disableCheck", &bool_type),
	FIELD(struct list, flag, "disableGC", &bool_type),
	FIELD(struct list, flag, "loadOnlyInlinedPlugins", &bool_type),
	FIELD(struct list, versions, "cniVersions", &versions_type),
	FIELD_REQUIRED(struct list, plugins, "plugins", &plugins_type),
};
static const struct json_type list_type = OBJECT(list_fields);

/* The keys of the first plugin that are looked at here. */
struct first {
	bool is_gateway, is_default_gateway, has_gateway, has_default_gateway;
	bool promiscuous, spoof_check, has_spoof_check, has_capabilities;
	bool draining, has_draining, wait, has_wait;
	const char *pod_link;
	struct prefix_list non_masquerade;
	const char *ipam_type;
	struct range_set_list ranges;
	struct ip_range range;
	bool has_ranges;
};

static const struct json_type prefixes_type = {
	.kind = JSON_LIST,
	.max = NON_MASQUERADE_MAX,
	.item = &network_prefix_type,
	.item_size = sizeof(struct ip_prefix),
};
/* The list has the node's podLink, in which a wrong word of the template doesn't show. */
static const struct json_type pod_link_type = {
	.kind = JSON_TEXT,
	.words = (const char *const[]){"bridged", "routed", NULL},
	.or_zero = true,
};
static const struct json_field ipam_fields[] = {
	FIELD(struct first, ipam_type, "type", &text_type),
	FIELD_SET(struct first, ranges, has_ranges, "ranges", &range_sets_type),
	FIELD_SET(struct first, range.subnet, has_ranges, "subnet", &prefix_type),
	FIELD_SET(struct first, range.start, has_ranges, "rangeStart", &ip_type),
	FIELD_SET(struct first, range.end, has_ranges, "rangeEnd", &ip_type),
	FIELD_SET(struct first, range.gateway, has_ranges, "gateway", &ip_type),
};
static const struct json_type ipam_type = OBJECT(ipam_fields);
static const struct json_field first_fields[] = {
	FIELD_SET(struct first, is_gateway, has_gateway, "isGateway", &bool_type),
	FIELD_SET(struct first, is_default_gateway, has_default_gateway,
		  "isDefaultGateway", &bool_type),
	FIELD(struct first, promiscuous, "promiscMode", &bool_type),
	FIELD_SET(struct first, draining, has_draining, DRAINING, &bool_type),
	FIELD_SET(struct first, wait, has_wait, WAIT_FOR_AGENT, &bool_type),
	FIELD_SET(struct first, spoof_check, has_spoof_check, "spoofCheck", &bool_type),
	{.key = "capabilities",
	 .type = &any_object,
	 .set_offset = offsetof(struct first, has_capabilities)},
	FIELD(struct first, pod_link, "podLink", &pod_link_type),
	FIELD(struct first, non_masquerade, "nonMasqueradeCIDRs", &prefixes_type),
	{.key = "ipam", .type = &ipam_type},
};
static const struct json_type first_type = OBJECT(first_fields);

static int check(const struct conflist_template *template, const struct first *first,
		 struct cni_error *err)
{
	if (strcmp(template->plugins.items[0].type, "bridge-cni") != 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "type: \"%s\", expected \"bridge-cni\" for the first "
				 "plugin; put other plugins behind it",
				 template->plugins.items[0].type);
	if (first->ipam_type && strcmp(first->ipam_type, "host-local") != 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "ipam.type: \"%s\", expected \"host-local\" or no key: "
				 "pods get addresses of the node's podCIDRs",
				 first->ipam_type);
	if (first->has_draining)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 DRAINING ": remove this key; --uninstall sets it");
	if (first->has_wait)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 WAIT_FOR_AGENT ": remove this key; --tunnel wireguard "
						"sets it");
	if (first->has_ranges)
		return error_set(
			err, CNI_ERR_CONFIG, EINVAL,
			"ipam: a range is given; remove the keys ranges, subnet, "
			"rangeStart, rangeEnd and gateway, as ranges follow from "
			"the node's podCIDRs");
	return 0;
}

static void take(struct conflist_template *template, struct first *first)
{
	template->has_gateway = first->has_gateway || first->has_default_gateway;
	template->gateway = first->is_gateway || first->is_default_gateway;
	template->promiscuous = first->promiscuous;
	template->has_capabilities = first->has_capabilities;
	if (first->has_spoof_check)
		template->spoof_check = first->spoof_check ? OPTION_YES : OPTION_NO;
	if (first->pod_link && *first->pod_link)
		template->routed = strcmp(first->pod_link, "routed") == 0 ? OPTION_YES
									  : OPTION_NO;
	template->non_masquerade = first->non_masquerade;
	first->non_masquerade = (struct prefix_list){};
}

static int read_first(struct conflist_template *template, struct cni_error *err)
{
	static const char *const no_keys[] = {NULL};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(free_p) char *text = json_entry_text(template->doc, "plugins", 0,
						       no_keys);
	struct first first = {};
	int ret;

	if (!text)
		return error_oom(err);
	ret = json_parse(text, strlen(text), &doc, err);
	if (ret == 0)
		ret = json_read(doc, &first_type, &first, err);
	if (ret < 0)
		return ret;
	ret = check(template, &first, err);
	if (ret == 0) {
		take(template, &first);
		template->has_trunk = json_has_list(doc, "vlanTrunk");
	}
	json_clear(&first_type, &first);
	return ret;
}

int conflist_template_read(const char *text, size_t len,
			   struct conflist_template *ret_template, struct cni_error *err)
{
	_cleanup_(conflist_template_clear) struct conflist_template template = {};
	struct list list = {};
	int ret = json_parse(text, len, &template.doc, err);

	if (ret == 0)
		ret = json_read(template.doc, &list_type, &list, err);
	if (ret < 0)
		return ret;
	template.plugins = list.plugins;
	free(list.versions.items);
	if (!template.plugins.n)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "plugins: empty, expected bridge-cni as the first one");
	ret = read_first(&template, err);
	if (ret < 0) {
		error_wrap(err, "plugins[0]");
		return ret;
	}
	*ret_template = template;
	template = (struct conflist_template){};
	return 0;
}

void conflist_template_clear(struct conflist_template *template)
{
	json_doc_free(template->doc);
	free(template->plugins.items);
	free(template->non_masquerade.items);
	*template = (struct conflist_template){};
}

bool template_ports_behind(const struct conflist_template *template)
{
	for (size_t i = 1; template && i < template->plugins.n; i++)
		if (template->plugins.items[i].port_mappings)
			return true;
	return false;
}

bool template_bandwidth_behind(const struct conflist_template *template)
{
	for (size_t i = 1; template && i < template->plugins.n; i++)
		if (template->plugins.items[i].bandwidth)
			return true;
	return false;
}
