/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables that lead to annotations are made at the agent's start, when the wanted
 * names are known. The others are constants. */
#include "node_keys.h"

#include <assert.h>
#include <string.h>

static const struct filter_key list_metadata_keys[] = {
	{.key = "resourceVersion"},
	{.key = "continue"},
	{},
};
static const struct filter_key spec_keys[] = {
	{.key = "podCIDR"},
	{.key = "podCIDRs"},
	{},
};
static const struct filter_key address_keys[] = {
	{.key = "type"},
	{.key = "address"},
	{},
};
static const struct filter_key status_keys[] = {
	{.key = "addresses", .inner = address_keys},
	{},
};

void node_keys_init(struct node_keys *keys, const struct annotation_names *names)
{
	assert(names->n <= ANNOTATION_NAMES_MAX);
	*keys = (struct node_keys){
		.list = {{.key = "metadata", .inner = list_metadata_keys},
			 {.key = "items", .inner = keys->object, .each = true}},
		.watch = {{.key = "type"}, {.key = "object", .inner = keys->object}},
		/* The object of an event is a Node, or a Status where the event is an
		 * error. */
		.object = {{.key = "metadata", .inner = keys->metadata},
			   {.key = "spec", .inner = spec_keys},
			   {.key = "status", .inner = status_keys},
			   {.key = "code"},
			   {.key = "message"}},
		.metadata = {{.key = "name"},
			     {.key = "resourceVersion"},
			     {.key = "creationTimestamp"}},
	};
	if (names->n)
		keys->metadata[3] = (struct filter_key){.key = "annotations",
							.inner = keys->annotations};
	for (size_t i = 0; i < names->n; i++) {
		assert(strlen(names->items[i]) <= ANNOTATION_NAME_MAX);
		/* A text may have twice as many bytes with its escapes: so all of them
		 * fit into a document. */
		keys->annotations[i] = (struct filter_key){
			.key = names->items[i],
			.text_max = 2 * ANNOTATION_MAX,
		};
	}
}
