/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys that look as if they did something. */
#include "advice.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bandwidth_conf.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "host_local_conf.h"
#include "requested_mac.h"

#define LETTERS_MAX 2 /* letters by which a key may differ from the one that is meant */
#define KEY_MAX	    40 /* bytes; known keys are LETTERS_MAX shorter at least */
#define TOLD_MAX    16 /* keys of one configuration that are reported */

/* Keys of the specification that others read, whatever is in them. */
static const struct json_field others_fields[] = {
	{.key = "cniVersion", .type = &text_type},
	{.key = "cniVersions", .type = &text_type},
	{.key = "name", .type = &text_type},
	{.key = "prevResult", .type = &text_type},
	{.key = "disableCheck", .type = &text_type},
	{.key = "disableGC", .type = &text_type},
	{.key = "loadOnlyInlinedPlugins", .type = &text_type},
	{.key = "cni.dev/attachments", .type = &text_type},
	{.key = "cni.dev/valid-attachments", .type = &text_type},
};
static const struct json_type others_root = OBJECT(others_fields);

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters have to be changed, inserted, left out or swapped with their neighbour
 * to make one text of the other (optimal string alignment). Case doesn't count. */
static size_t distance(const char *a, const char *b)
{
	size_t len = strlen(b), rows[3][KEY_MAX + LETTERS_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= len; j++)
		above[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t *free_row = before;
		int c = tolower((unsigned char)a[i - 1]);

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			int d = tolower((unsigned char)b[j - 1]);

			row[j] = least(above[j - 1] + (c != d),
				       1 + least(above[j], row[j - 1]));
			if (i > 1 && j > 1 && c == tolower((unsigned char)b[j - 2]) &&
			    d == tolower((unsigned char)a[i - 2]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = free_row;
	}
	return above[len];
}

/* More than half of the longer name is as it should be: "mac" isn't meant to be "mtu". */
static size_t tolerance(size_t len, size_t other)
{
	size_t longer = len > other ? len : other;

	return least(LETTERS_MAX, (longer - 1) / 2);
}

/* Finds the known key that is nearest; NULL: none is near. */
static const char *nearest(const char *key, const struct json_type *const *tables,
			   size_t n)
{
	size_t len = strlen(key), best = LETTERS_MAX + 1;
	const char *found = NULL;

	for (size_t i = 0; len > 0 && len <= KEY_MAX && i < n; i++)
		for (size_t k = 0; k < tables[i]->n_fields; k++) {
			const char *known = tables[i]->fields[k].key;
			size_t other = strlen(known), d;

			if (other > len + LETTERS_MAX || len > other + LETTERS_MAX)
				continue;
			d = distance(key, known);
			if (d < best && d <= tolerance(len, other)) {
				best = d;
				found = known;
			}
		}
	return found;
}

struct telling {
	const struct advice *advice;
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

/* Finds the path by which the key is known; false: it is known nowhere. */
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
			snprintf(ret_meant, JSON_PATH_MAX, "%s", route_words[i].meant);
			return true;
		}
	return false;
}

static void tell(const struct json_path *path, const struct json_type *const *tables,
		 size_t n, void *data)
{
	struct telling *telling = data;
	char where[JSON_PATH_MAX], place[JSON_PATH_MAX];
	const char *meant = place;

	/* The other plugin's, for whom this is the IPAM. */
	if (telling->told == TOLD_MAX || (telling->advice->ipam_only && !path->parent))
		return;
	if (!known_elsewhere(path, telling->own_ipam, place))
		meant = nearest(path->key, tables, n);
	if (!meant)
		return;
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

void advise_keys(const struct advice *advice)
{
	const struct json_type *const roots[] = {
		&others_root,	 &network_root,		  &log_root,  &requested_mac_root,
		&bandwidth_root, &bandwidth_runtime_root, &port_root, &host_local_root,
	};
	struct telling telling = {.advice = advice, .own_ipam = has_own_ipam(advice)};

	json_unknown_keys(advice->doc, roots, ARRAY_SIZE(roots) - !telling.own_ipam, tell,
			  &telling);
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
		       "%s: without ipam.type the pod gets no address, and "
		       "nothing comes of this; set ipam.type, \"host-local\" "
		       "for example",
		       names);
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
