/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of the keys that are read, and how their values are checked. */
#include "node_object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "node_values.h"

#define POD_CIDRS_MAX 16
#define ADDRESSES_MAX 64

/* -- a Node */

struct address {
	const char *type, *address;
};

struct text_list {
	const char **items;
	size_t n;
};

struct address_list {
	struct address *items;
	size_t n;
};

struct node_text {
	struct {
		const char *name, *version, *created;
	} metadata;
	struct {
		const char *cidr;
		struct text_list cidrs;
	} spec;
	struct {
		struct address_list addresses;
	} status;
};

static const struct json_field metadata_fields[] = {
	FIELD(struct node_text, metadata.name, "name", &text_type),
	FIELD(struct node_text, metadata.version, "resourceVersion", &text_type),
	FIELD(struct node_text, metadata.created, "creationTimestamp", &text_type),
};
static const struct json_type metadata_type = OBJECT(metadata_fields);

static const struct json_type cidrs_type = {
	.kind = JSON_LIST,
	.max = POD_CIDRS_MAX,
	.item = &text_type,
	.item_size = sizeof(const char *),
};
static const struct json_field spec_fields[] = {
	FIELD(struct node_text, spec.cidr, "podCIDR", &text_type),
	FIELD(struct node_text, spec.cidrs, "podCIDRs", &cidrs_type),
};
static const struct json_type spec_type = OBJECT(spec_fields);

static const struct json_field address_fields[] = {
	FIELD_REQUIRED(struct address, type, "type", &text_type),
	FIELD_REQUIRED(struct address, address, "address", &text_type),
};
static const struct json_type address_type = OBJECT(address_fields);
static const struct json_type addresses_type = {
	.kind = JSON_LIST,
	.max = ADDRESSES_MAX,
	.item = &address_type,
	.item_size = sizeof(struct address),
};
static const struct json_field status_fields[] = {
	FIELD(struct node_text, status.addresses, "addresses", &addresses_type),
};
static const struct json_type status_type = OBJECT(status_fields);

/* The three types fill one structure: the fields' offsets are in struct node_text. */
static const struct json_field node_fields[] = {
	{.key = "metadata", .type = &metadata_type, .required = true},
	{.key = "spec", .type = &spec_type},
	{.key = "status", .type = &status_type},
};
static const struct json_type node_type = OBJECT(node_fields);

/* The name alone, where another key is wrong. */
static const struct json_field name_fields[] = {
	FIELD(struct node_text, metadata.name, "name", &text_type),
};
static const struct json_type name_metadata_type = OBJECT(name_fields);
static const struct json_field named_fields[] = {
	{.key = "metadata", .type = &name_metadata_type},
};
static const struct json_type named_type = OBJECT(named_fields);

static int copy_text(char *ret, size_t size, const char *key, const char *value,
		     struct cni_error *err)
{
	if (!value)
		return 0;
	if (strlen(value) >= size)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s: longer than %zu characters", key, size - 1);
	memcpy(ret, value, strlen(value) + 1);
	return 0;
}

static int cidr_take(const char *text, const char *key, struct node_object *node,
		     struct cni_error *err)
{
	struct ip_prefix prefix, network;
	struct ip_prefix *place;

	if (prefix_parse(text, &prefix) < 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s: \"%s\" is not a CIDR such as 10.244.1.0/24", key,
				 text);
	network = prefix_network(&prefix);
	if (!prefix_equal(&network, &prefix))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s: \"%s\" has host bits set", key, text);
	place = &node->cidrs[prefix.addr.family == AF_INET6];
	if (!node->cidrs[0].addr.family && !node->cidrs[1].addr.family)
		node->v6_first = prefix.addr.family == AF_INET6;
	if (!place->addr.family)
		*place = prefix;
	else if (!prefix_equal(place, &prefix))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s: \"%s\" is the second of its family, expected one",
				 key, text);
	return 0;
}

static int addresses_take(const struct address_list *list, struct node_object *node,
			  struct cni_error *err)
{
	for (size_t i = 0; i < list->n; i++) {
		struct ip_addr addr, *place;

		if (strcmp(list->items[i].type, "InternalIP") != 0)
			continue;
		if (ip_parse(list->items[i].address, &addr) < 0)
			return error_set(
				err, CNI_ERR_CONFIG, EINVAL,
				"status.addresses[%zu].address: \"%s\" is not an "
				"IP address",
				i, list->items[i].address);
		if (!node->addresses[0].family && !node->addresses[1].family)
			node->address_v6_first = addr.family == AF_INET6;
		place = &node->addresses[addr.family == AF_INET6];
		if (!place->family)
			*place = addr;
		else if (node->n_more < NODE_MORE_MAX)
			node->more[node->n_more++] = addr;
	}
	return 0;
}

static int name_take(const char *name, struct node_object *node, struct cni_error *err)
{
	if (name && name[0] && !node_name_valid(name))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "metadata.name: \"%.300s\" is not a DNS subdomain",
				 name);
	return copy_text(node->name, sizeof(node->name), "metadata.name", name, err);
}

static int node_take(const struct node_text *text, struct node_object *node,
		     struct cni_error *err)
{
	int ret = name_take(text->metadata.name, node, err);

	if (ret == 0)
		ret = copy_text(node->version, sizeof(node->version),
				"metadata.resourceVersion", text->metadata.version, err);
	node->created = node_created_read(text->metadata.created);
	if (ret == 0 && text->spec.cidr && text->spec.cidr[0])
		ret = cidr_take(text->spec.cidr, "spec.podCIDR", node, err);
	for (size_t i = 0; ret == 0 && i < text->spec.cidrs.n; i++)
		ret = cidr_take(text->spec.cidrs.items[i], "spec.podCIDRs", node, err);
	return ret < 0 ? ret : addresses_take(&text->status.addresses, node, err);
}

/* Where a Node stands in a document, and its tables. */
struct node_place {
	const char *key; /* NULL: the document is the Node */
	const struct json_type *type;
	const struct json_type *named; /* has the name alone */
};

static void annotations_take(const struct json_doc *doc, const char *key,
			     const struct annotation_names *names,
			     struct node_object *node)
{
	const char *path[] = {key, "metadata", "annotations", NULL, NULL};

	for (size_t i = 0; i < names->n; i++) {
		const char *text = NULL;
		int ret;

		path[3] = names->items[i];
		ret = json_text_at(doc, key ? path : path + 1, &text);
		if (ret < 0 || (text && strlen(text) > ANNOTATION_MAX))
			node->odd_annotation = names->items[i];
		else if (text)
			annotation_texts_set(&node->annotations, i, text);
	}
}

static int node_read(const struct json_doc *doc, const struct node_place *place,
		     const struct annotation_names *names, struct node_object *ret_node,
		     struct cni_error *err)
{
	struct node_text text = {};
	int ret;

	*ret_node = (struct node_object){};
	ret = json_read(doc, place->type, &text, err);
	if (ret == 0)
		ret = node_take(&text, ret_node, err);
	else if (json_read(doc, place->named, &text, NULL) == 0)
		(void)name_take(text.metadata.name, ret_node, NULL);
	if (ret == 0)
		annotations_take(doc, place->key, names, ret_node);
	json_clear(place->type, &text);
	return ret;
}

int node_object_read(const char *text, size_t len, const struct annotation_names *names,
		     struct node_object *ret_node, struct cni_error *err)
{
	static const struct node_place place = {NULL, &node_type, &named_type};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	int ret = json_parse(text, len, &doc, err);

	if (ret < 0)
		return ret;
	ret = node_read(doc, &place, names, ret_node, err);
	if (ret == 0 && !ret_node->name[0])
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "metadata.name: missing, expected a string");
	return ret;
}

/* -- a page of a list */

struct page_text {
	const char *version, *next;
};
static const struct json_field page_metadata_fields[] = {
	FIELD_REQUIRED(struct page_text, version, "resourceVersion", &text_type),
	FIELD(struct page_text, next, "continue", &text_type),
};
static const struct json_type page_metadata_type = OBJECT(page_metadata_fields);
static const struct json_field page_fields[] = {
	{.key = "metadata", .type = &page_metadata_type, .required = true},
};
static const struct json_type page_type = OBJECT(page_fields);

int list_page_read(const char *text, size_t len, struct list_page *ret_page,
		   struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct page_text page = {};
	int ret = json_parse(text, len, &doc, err);

	if (ret == 0)
		ret = json_read(doc, &page_type, &page, err);
	if (ret < 0)
		return ret;
	*ret_page = (struct list_page){};
	ret = copy_text(ret_page->version, sizeof(ret_page->version),
			"metadata.resourceVersion", page.version, err);
	if (ret == 0)
		ret = copy_text(ret_page->next, sizeof(ret_page->next),
				"metadata.continue", page.next, err);
	return ret;
}

/* -- an event of a watch */

struct event_text {
	const char *type;
};
static const struct json_field event_fields[] = {
	FIELD_REQUIRED(struct event_text, type, "type", &text_type),
};
static const struct json_type event_type = OBJECT(event_fields);

static const struct json_field event_node_fields[] = {
	{.key = "object", .type = &node_type, .required = true},
};
static const struct json_type event_node_type = OBJECT(event_node_fields);
static const struct json_field event_named_fields[] = {
	{.key = "object", .type = &named_type},
};
static const struct json_type event_named_type = OBJECT(event_named_fields);

struct status_text {
	uint32_t code;
	const char *message;
};
static const struct json_type code_type = {
	.kind = JSON_U32,
	.min = 100,
	.max = 599,
	.or_zero = true,
};
static const struct json_field object_status_fields[] = {
	FIELD(struct status_text, code, "code", &code_type),
	FIELD(struct status_text, message, "message", &text_type),
};
static const struct json_type object_status_type = OBJECT(object_status_fields);
static const struct json_field event_status_fields[] = {
	{.key = "object", .type = &object_status_type, .required = true},
};
static const struct json_type event_status_type = OBJECT(event_status_fields);

static enum watch_type type_of(const char *type)
{
	static const struct {
		const char *name;
		enum watch_type type;
	} types[] = {
		{"ADDED", WATCH_CHANGED},   {"MODIFIED", WATCH_CHANGED},
		{"DELETED", WATCH_DELETED}, {"BOOKMARK", WATCH_BOOKMARK},
		{"ERROR", WATCH_ERROR},
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].name, type) == 0)
			return types[i].type;
	return WATCH_UNKNOWN;
}

int watch_event_read(const char *text, size_t len, const struct annotation_names *names,
		     struct watch_event *ret_event, struct cni_error *err)
{
	static const struct node_place place = {"object", &event_node_type,
						&event_named_type};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct event_text event = {.type = ""};
	struct status_text status = {};
	int ret = json_parse(text, len, &doc, err);

	*ret_event = (struct watch_event){.type = WATCH_UNKNOWN};
	if (ret == 0)
		ret = json_read(doc, &event_type, &event, err);
	if (ret < 0)
		return ret;
	ret_event->type = type_of(event.type);
	if (ret_event->type == WATCH_UNKNOWN)
		return 0;
	if (ret_event->type != WATCH_ERROR)
		return node_read(doc, &place, names, &ret_event->node, err);
	ret = json_read(doc, &event_status_type, &status, err);
	if (ret < 0)
		return ret;
	ret_event->status = status.code;
	snprintf(ret_event->message, sizeof(ret_event->message), "%s",
		 status.message ? status.message : "");
	return 0;
}
