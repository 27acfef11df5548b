/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys that look as if they did something. */
#include "advice.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bandwidth_conf.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "host_local_conf.h"
#include "key_tables.h"
#include "nearest_key.h"
#include "ovs_keys.h"

#define TOLD_MAX     16 /* keys of one configuration that are reported */
#define ALL_TOLD_MAX 256 /* the same with all_keys; more than findings.h lists */

struct telling {
	const struct advice *advice;
	enum switch_kind switch_kind;
	bool own_ipam; /* the IPAM is host-local; another one judges its own keys */
	size_t told;
};

/*
 * Keys that belong somewhere else than where people write them. Where other plugins or
 * the runtime have a key of the same name, it is theirs: a mac beside ipam is tuning's.
 */
static const struct place {
	const char
		*object; /* the path of the object that the key stands in, or its start */
	const struct json_type *root; /* the table that knows the key, */
	const char *member; /* in this object of the document; "": in itself */
	const char *except; /* NULL: no key */
} places[] = {
	{"", &host_local_root, "ipam", NULL},
	{"", &host_local_root, "runtimeConfig", NULL},
	{"", &port_root, "runtimeConfig", NULL},
	{"", &bandwidth_runtime_root, "runtimeConfig", NULL},
	{"ipam", &network_root, "", "dns"},
	{"ipam.ranges[", &host_local_root, "ipam", NULL},
};

/* Names that ip-route(8) and other plugins have for keys of a route. */
static const struct {
	const char *key, *meant;
} route_words[] = {{"gateway", "gw"}, {"via", "gw"}, {"metric", "priority"}};

static const struct json_field *field_of(const struct json_type *table, const char *key)
{
	for (size_t i = 0; table && i < table->n_fields; i++)
		if (strcasecmp(key, table->fields[i].key) == 0)
			return &table->fields[i];
	return NULL;
}

/* Is @object the path @start, or one that starts with it where it is open at its end? */
static bool is_at(const char *object, const char *start)
{
	size_t len = strlen(start);

	return strncasecmp(object, start, len) == 0 &&
	       (!object[len] || (len && start[len - 1] == '['));
}

/* Writes the path of another key of the object that @path's key stands in. */
static void sibling_format(const struct json_path *path, const char *key,
			   char ret_sibling[JSON_PATH_MAX])
{
	const struct json_path sibling = {.parent = path->parent, .key = key};

	json_path_format(&sibling, ret_sibling);
}

/* Finds the path by which a key like this is known; false: it is known nowhere else. */
static bool known_elsewhere(const struct json_path *path, bool own_ipam,
			    char ret_meant[JSON_PATH_MAX])
{
	char object[JSON_PATH_MAX] = "";

	if (path->parent)
		json_path_format(path->parent, object);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct place *place = &places[i];
		const struct json_field *parent = field_of(place->root, place->member);
		const struct json_type *table = *place->member
							? parent ? parent->type : NULL
							: place->root;
		const struct json_field *found = field_of(table, path->key);
		bool in_ipam = *place->object || strcmp(place->member, "ipam") == 0;

		if (!found || (in_ipam && !own_ipam) || !is_at(object, place->object) ||
		    (place->except && strcasecmp(path->key, place->except) == 0))
			continue;
		snprintf(ret_meant, JSON_PATH_MAX, "%s%s%s", place->member,
			 *place->member ? "." : "", found->key);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(route_words); i++)
		if (is_at(object, "ipam.routes[") &&
		    strcasecmp(path->key, route_words[i].key) == 0) {
			sibling_format(path, route_words[i].meant, ret_meant);
			return true;
		}
	return false;
}

/* May other programs have keys there: in runtimeConfig, args, another IPAM's ipam? */
static bool is_of_others(const struct json_path *path, bool own_ipam)
{
	const struct json_path *top = path;

	while (top->parent)
		top = top->parent;
	return path != top && (strcasecmp(top->key, "args") == 0 ||
			       strcasecmp(top->key, "runtimeConfig") == 0 ||
			       (!own_ipam && strcasecmp(top->key, "ipam") == 0));
}

static void tell_stranger(const struct json_path *path, struct telling *telling)
{
	char where[JSON_PATH_MAX];

	if (!telling->advice->all_keys || is_of_others(path, telling->own_ipam))
		return;
	telling->told++;
	if (!path->parent && field_of(&ovs_root, path->key)) {
		switch_other_key_tell(path->key, SWITCH_OVS, telling->switch_kind,
				      telling->advice->notices);
		return;
	}
	notice(telling->advice->notices,
	       "%s: unknown key, ignored; remove it, or take one of "
	       "bridge-cni.conf(5)",
	       json_path_format(path, where));
}

/* Finds the path of the key that is meant; false: none is like this one. */
static bool meant_find(const struct json_path *path,
		       const struct json_type *const *tables, size_t n, bool own_ipam,
		       char ret_meant[JSON_PATH_MAX])
{
	const char *key;

	if (known_elsewhere(path, own_ipam, ret_meant))
		return true;
	key = nearest_key(path->key, tables, n);
	if (key)
		sibling_format(path, key, ret_meant);
	return key != NULL;
}

static void tell(const struct json_path *path, const struct json_type *const *tables,
		 size_t n, void *data)
{
	struct telling *telling = data;
	char where[JSON_PATH_MAX], meant[JSON_PATH_MAX];

	/* A key beside ipam is the other plugin's, for which this is the IPAM. */
	if (telling->told == (telling->advice->all_keys ? ALL_TOLD_MAX : TOLD_MAX) ||
	    (telling->advice->ipam_only && !path->parent))
		return;
	if (!meant_find(path, tables, n, telling->own_ipam, meant))
		return tell_stranger(path, telling);
	telling->told++;
	notice(telling->advice->notices, "%s: unknown key, ignored; is \"%s\" meant?",
	       json_path_format(path, where), meant);
}

/* Another IPAM's keys are its own. */
static bool has_own_ipam(const struct advice *advice)
{
	const char *type = json_member_text(advice->doc, "ipam", "type");

	return advice->ipam_only || (type && strcmp(type, "host-local") == 0);
}

/* The switch that the document names. A configuration that was refused has no network. */
static enum switch_kind switch_named(const struct json_doc *doc)
{
	static const char *const type[] = {"type", NULL}, *const word[] = {"switch",
									   NULL};
	enum switch_kind kind = SWITCH_BRIDGE;
	const char *text;

	if (json_text_at(doc, type, &text) == 0 && text)
		switch_find(text, &kind);
	if (json_text_at(doc, word, &text) == 0 && text)
		switch_find(text, &kind);
	return kind;
}

void advise_keys(const struct advice *advice)
{
	struct telling telling = {
		.advice = advice,
		.switch_kind = switch_named(advice->doc),
		.own_ipam = has_own_ipam(advice),
	};
	const struct json_type *const *tables;
	size_t n;

	tables = key_tables(telling.own_ipam, &n);
	if (telling.switch_kind != SWITCH_OVS) {
		tables++;
		n--;
	}
	json_unknown_keys(advice->doc, tables, n, tell, &telling);
}

/* Adds to names of keys in a message. */
static void name_add(char *names, size_t size, const char *parent, const char *key)
{
	size_t len = strlen(names);

	snprintf(names + len, size - len, "%s%s%s", len ? ", " : "", parent, key);
}

void advise_ipam(const struct advice *advice)
{
	const char *other = json_other_member(advice->doc, "ipam", "type");
	const struct network *network = advice->network;
	char names[JSON_PATH_MAX] = "";

	if (advice->ipam_only || (network->ipam.type && *network->ipam.type))
		return;
	if (network->is_default_gateway)
		name_add(names, sizeof(names), "", "isDefaultGateway");
	else if (network->is_gateway)
		name_add(names, sizeof(names), "", "isGateway");
	if (network->ip_masq)
		name_add(names, sizeof(names), "", "ipMasq");
	if (other)
		name_add(names, sizeof(names), "ipam.", other);
	if (*names)
		notice(advice->notices,
		       "%s: without ipam.type the pod gets %s, and "
		       "nothing comes of this; set ipam.type, \"host-local\" "
		       "for example",
		       names,
		       network_takes_prev_result(network) ? "what prevResult has"
							  : "no address");
}

static bool has_default_route(const struct network *network)
{
	for (size_t i = 0; i < network->ipam.routes.n; i++)
		if (network->ipam.routes.items[i].dst.len == 0)
			return true;
	return network->is_default_gateway;
}

void advise_effects(const struct advice *advice)
{
	const struct network *network = advice->network;

	if (advice->ipam_only || !network->ipam.type || !*network->ipam.type)
		return;
	if (network->metric && has_own_ipam(advice) && !has_default_route(network))
		notice(advice->notices,
		       "metric: nothing comes of this, as the network has "
		       "no default route; set isDefaultGateway, or a route to "
		       "0.0.0.0/0 or ::/0 in ipam.routes");
}
