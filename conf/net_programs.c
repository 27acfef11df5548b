/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net_programs.h"

#include "conf/json/json_doc.h"
#include "conf/json/json_table.h"
#include "net_list.h"

struct ipam {
	const char *type;
};

struct plugin {
	const char *type, *bridge;
	struct ipam ipam;
};

struct file {
	struct plugin alone; /* of a file that is one plugin */
	struct {
		struct plugin *items;
		size_t n;
	} plugins;
};

static const struct json_field ipam_fields[] = {
	FIELD(struct ipam, type, "type", &text_type),
};
static const struct json_type ipam_type = OBJECT(ipam_fields);
static const struct json_field plugin_fields[] = {
	FIELD(struct plugin, type, "type", &text_type),
	FIELD(struct plugin, bridge, "bridge", &text_type),
	FIELD(struct plugin, ipam, "ipam", &ipam_type),
};
static const struct json_type plugin_type = OBJECT(plugin_fields);
static const struct json_type plugins_type = {
	.kind = JSON_LIST,
	.max = NET_LIST_MAX,
	.item = &plugin_type,
	.item_size = sizeof(struct plugin),
};
static const struct json_field fields[] = {
	FIELD(struct file, alone.type, "type", &text_type),
	FIELD(struct file, alone.bridge, "bridge", &text_type),
	FIELD(struct file, alone.ipam, "ipam", &ipam_type),
	FIELD(struct file, plugins, "plugins", &plugins_type),
};
static const struct json_type root = OBJECT(fields);

static void plugin_name(const struct plugin *plugin, net_program_fn fn, void *data)
{
	const struct net_program program = {
		.type = plugin->type,
		.ipam = plugin->ipam.type ? plugin->ipam.type : "",
		.bridge = plugin->bridge ? plugin->bridge : "",
	};

	if (plugin->type && *plugin->type)
		fn(&program, data);
}

int net_programs(const char *text, size_t len, net_program_fn fn, void *data,
		 struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct file file = {};
	int ret = json_parse(text, len, &doc, err);

	if (ret == 0)
		ret = json_read(doc, &root, &file, err);
	if (ret < 0)
		return ret;
	plugin_name(&file.alone, fn, data);
	for (size_t i = 0; i < file.plugins.n; i++)
		plugin_name(&file.plugins.items[i], fn, data);
	json_clear(&root, &file);
	return 0;
}
