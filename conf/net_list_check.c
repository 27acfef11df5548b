/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows libcni's NetworkConfFromBytes() (1.3) and ConfListFromBytes() (1.1), and go-cni's
 * loadFromConfDir(). containerd 1.6 has libcni 1.1.1, containerd 1.7 has 1.1.2, 2.0 has
 * 1.2.3, and 2.1 has 1.3.0.
 */
#include "net_list_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "findings.h"
#include "key_tables.h"
#include "nearest_key.h"
#include "net_list.h"
#include "version.h"

struct plugin {
	const char *type;
};

struct list {
	const char *name, *version;
	struct {
		const char **items;
		size_t n;
	} versions;
	struct {
		struct plugin *items;
		size_t n;
	} plugins;
	bool switched; /* a switch is given; its value isn't looked at */
};

static int type_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const char *type = *(const char **)value;

	return *type ? 0 : json_error(path, NULL, err, "empty, expected a plugin's name");
}

static int plugins_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const struct json_list *plugins = value;

	return plugins->n
		       ? 0
		       : json_error(path, NULL, err, "empty, expected a plugin at least");
}

static const struct json_type plugin_type_type = {.kind = JSON_TEXT, .check = type_check};
static const struct json_field plugin_fields[] = {
	FIELD_REQUIRED(struct plugin, type, "type", &plugin_type_type),
};
static const struct json_type plugin_type = OBJECT(plugin_fields);
static const struct json_type plugins_type = {
	.kind = JSON_LIST,
	.max = NET_LIST_MAX,
	.item = &plugin_type,
	.item_size = sizeof(struct plugin),
	.check = plugins_check,
};
static const struct json_type versions_type = {
	.kind = JSON_LIST,
	.max = NET_LIST_MAX,
	.item = &text_type,
	.item_size = sizeof(const char *),
};

static const struct json_field fields[] = {
	FIELD(struct list, name, "name", &text_type),
	FIELD(struct list, version, "cniVersion", &text_type),
	FIELD(struct list, versions, "cniVersions", &versions_type),
	FIELD(struct list, switched, "disableCheck", &bool_type),
	FIELD(struct list, switched, "disableGC", &bool_type),
	FIELD(struct list, switched, "loadOnlyInlinedPlugins", &bool_type),
	FIELD(struct list, plugins, "plugins", &plugins_type),
};
const struct json_type net_list_root = OBJECT(fields);

static bool is_key(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcasecmp(fields[i].key, key) == 0)
			return true;
	return false;
}

static bool ends_in(const char *file, const char *suffix)
{
	size_t len = strlen(file), end = strlen(suffix);

	return len > end && strcmp(file + len - end, suffix) == 0;
}

/* Is the switch a word, which libcni before 1.2 doesn't take? */
static bool is_word(const struct json_doc *doc, const char *key)
{
	const char *text = NULL;

	return json_text_at(doc, (const char *const[]){key, NULL}, &text) == 0 && text &&
	       (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0);
}

/* Reads each key by itself, so that none hides the next one's mistake. */
static void check_key(const struct json_doc *doc, const struct json_field *field,
		      struct findings *findings)
{
	const struct json_type one = {
		.kind = JSON_OBJECT,
		.fields = field,
		.n_fields = 1,
	};
	const char *spelling = json_spelling(doc, field->key);
	struct cni_error err = {};
	struct list list = {};

	if (spelling && strcmp(spelling, field->key) != 0)
		finding_add(findings, FINDING_ERROR, 0,
			    "%s: runtimes read the keys of a list in this case alone: "
			    "write \"%s\"",
			    spelling, field->key);
	if (json_read(doc, &one, &list, &err) == 0) {
		json_clear(&one, &list);
		return;
	}
	if (field->type != &bool_type || !is_word(doc, field->key))
		finding_add(findings, FINDING_ERROR, 0, "%s; no runtime takes the list",
			    err.msg);
	else if (strcmp(field->key, "disableCheck") == 0)
		finding_add(findings, FINDING_WARNING, 0,
			    "%s: containerd 1.6 and 1.7 refuse the list for a string; "
			    "write true or false",
			    field->key);
}

static void tell_null(const struct json_path *path, void *data)
{
	if (!path || path->parent || !path->key || !is_key(path->key))
		return;
	finding_add(
		data, FINDING_ERROR, 0,
		"%s: null; runtimes refuse the list for it; remove the key, or give it a "
		"value",
		path->key);
}

/* Is the key one of a plugin? */
static bool is_plugins(const char *key)
{
	size_t n;
	const struct json_type *const *tables = key_tables(true, &n);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < tables[i]->n_fields; k++)
			if (strcasecmp(tables[i]->fields[k].key, key) == 0)
				return true;
	return false;
}

static void tell_unknown(const struct json_path *path,
			 const struct json_type *const *tables, size_t n, void *data)
{
	struct findings *findings = data;
	const char *meant;

	if (path->parent) /* the key stands in a plugin, which is looked at by itself */
		return;
	meant = nearest_key(path->key, tables, n);
	if (is_plugins(path->key))
		finding_add(
			findings, FINDING_WARNING, 0,
			"%s: nothing reads this key of a plugin beside \"plugins\"; move "
			"it into the plugin",
			path->key);
	else if (meant)
		finding_add(findings, FINDING_WARNING, 0,
			    "%s: unknown key, ignored; is \"%s\" meant?", path->key,
			    meant);
	else
		finding_add(findings, FINDING_WARNING, 0,
			    "%s: unknown key, ignored; remove it", path->key);
}

/* @in_list: the key cniVersions may stand beside it. Nothing is said of an unknown
 * version, as the reading for ADD refuses it. */
static void check_version(const char *text, bool in_list, struct findings *findings)
{
	enum cni_version version;

	if (!text || !*text)
		finding_add(findings, FINDING_WARNING, 0,
			    "cniVersion: missing, which means 0.1.0; write \"1.0.0\"");
	else if (cni_version_parse(text, &version) == 0 && version > CNI_1_0_0)
		finding_add(
			findings, FINDING_WARNING, 0,
			"cniVersion: containerd 1.6 and 1.7 refuse results of %s; for "
			"these write \"1.0.0\"%s",
			text,
			in_list ? ", and \"cniVersions\": [\"1.0.0\", \"1.1.0\"] beside "
				  "it for later ones"
				: "");
}

/* Is the text a version, which libcni can compare with others? It refuses a list with
 * any other text. */
static bool is_version(const char *text)
{
	unsigned int parts = 0;

	for (; *text; parts++) {
		size_t digits = strspn(text, "0123456789");

		if (digits == 0 || (text[digits] && text[digits] != '.'))
			return false;
		text += digits + (text[digits] == '.' && text[digits + 1]);
	}
	return parts >= 1 && parts <= 3;
}

static void check_versions(const struct list *list, struct findings *findings)
{
	for (size_t i = 0; i < list->versions.n; i++)
		if (!is_version(list->versions.items[i]))
			finding_add(findings, FINDING_ERROR, 0,
				    "cniVersions[%zu]: \"%s\" is no version, for which "
				    "runtimes refuse the list; write 1.0.0, for example",
				    i, list->versions.items[i]);
}

void net_list_check(const struct json_doc *doc, const char *file,
		    struct findings *findings)
{
	const struct json_type *const roots[] = {&net_list_root};
	struct list list = {};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		check_key(doc, &fields[i], findings);
	if (!json_spelling(doc, "name"))
		finding_add(
			findings, FINDING_ERROR, 0,
			"name: missing; runtimes refuse the list without the network's "
			"name");
	json_null_values(doc, tell_null, findings);
	json_unknown_keys(doc, roots, ARRAY_SIZE(roots), tell_unknown, findings);
	if (json_read(doc, &net_list_root, &list, NULL) == 0) {
		check_version(list.version, true, findings);
		check_versions(&list, findings);
		json_clear(&net_list_root, &list);
	}
	if (ends_in(file, ".conf") || ends_in(file, ".json"))
		finding_add(
			findings, FINDING_WARNING, 0,
			"runtimes take a file of this name for one plugin, and refuse a "
			"list in it; name it .conflist");
}

void net_plugin_check(const struct json_doc *doc, const char *file, bool in_list,
		      struct findings *findings)
{
	static const char *const of_lists[] = {"cniVersions", "disableCheck", "disableGC",
					       "loadOnlyInlinedPlugins"};
	const char *version = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(of_lists); i++)
		if (json_has_at(doc, (const char *const[]){of_lists[i], NULL}))
			finding_add(
				findings, FINDING_WARNING, 0,
				"%s: nothing reads this key of a list in a plugin; move "
				"it beside \"plugins\"",
				of_lists[i]);
	if (in_list)
		return;
	if (json_text_at(doc, (const char *const[]){"cniVersion", NULL}, &version) == 0)
		check_version(version, false, findings);
	if (ends_in(file, ".conflist"))
		finding_add(
			findings, FINDING_WARNING, 0,
			"runtimes take a file of this name for a list, and this one has "
			"no \"plugins\"; put the plugin into a list, or name it .conf");
}
