/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds plugins in a list, and puts into each what libcni does. */
#include "net_list.h"

#include <string.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"

struct plugin {
	const char *type;
};

struct file {
	const char *name, *version; /* of a list, whose plugins get them */
	const char *type; /* of a file that is one plugin */
	struct {
		struct plugin *items;
		size_t n;
	} plugins;
	bool is_list;
};

static const struct json_field plugin_fields[] = {
	FIELD(struct plugin, type, "type", &text_type),
};
static const struct json_type plugin_type = OBJECT(plugin_fields);
static const struct json_type plugins_type = {
	.kind = JSON_LIST,
	.max = NET_LIST_MAX,
	.item = &plugin_type,
	.item_size = sizeof(struct plugin),
};
static const struct json_field fields[] = {
	FIELD(struct file, name, "name", &text_type),
	FIELD(struct file, version, "cniVersion", &text_type),
	FIELD(struct file, type, "type", &text_type),
	FIELD_SET(struct file, plugins, is_list, "plugins", &plugins_type),
};
static const struct json_type root = OBJECT(fields);

/* The keys that a list has for all of its plugins. */
static const char *const of_the_list[] = {"name", "cniVersion", NULL};

void net_list_clear(struct net_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].text);
	free(list->items);
	*list = (struct net_list){};
}

static const char *one_of(const char *type, const char *const *types)
{
	for (; type && *types; types++)
		if (strcmp(type, *types) == 0)
			return *types;
	return NULL;
}

static int plugins_add(const struct json_doc *doc, const struct file *file,
		       const char *const *types, struct net_list *list,
		       struct cni_error *err)
{
	for (size_t i = 0; i < file->plugins.n; i++) {
		struct net_list_plugin *plugin = &list->items[list->n];

		plugin->type = one_of(file->plugins.items[i].type, types);
		if (!plugin->type)
			continue;
		plugin->index = i;
		plugin->text = json_entry_text(doc, "plugins", i, of_the_list);
		if (!plugin->text)
			return error_oom(err);
		list->n++;
	}
	return 0;
}

int net_list_read(const char *text, size_t len, const char *const *types,
		  struct net_list *ret_list, struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(net_list_clear) struct net_list list = {};
	struct file file = {};
	int ret;

	ret = json_parse(text, len, &doc, err);
	if (ret == 0)
		ret = json_read(doc, &root, &file, err);
	if (ret < 0)
		return ret;
	list.items = calloc(file.plugins.n + 1, sizeof(*list.items));
	list.is_list = file.is_list;
	if (!list.items) {
		ret = error_oom(err);
	} else if (file.is_list) {
		ret = plugins_add(doc, &file, types, &list, err);
	} else if (one_of(file.type, types)) {
		list.items[0].type = one_of(file.type, types);
		list.items[0].index = -1;
		list.items[0].text = strndup(text, len);
		ret = list.items[0].text ? 0 : error_oom(err);
		list.n = ret == 0;
	}
	json_clear(&root, &file);
	if (ret < 0)
		return ret;
	*ret_list = list;
	list = (struct net_list){};
	return 0;
}
