/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the valid attachments of a GC. */
#include "valid_set.h"

#include <string.h>

#include "conf/json/json_table.h"

struct lists {
	struct json_list now, before;
	bool now_given, before_given;
};

static const struct json_field attachment_fields[] = {
	FIELD_REQUIRED(struct valid_attachment, container_id, "containerID", &text_type),
	FIELD_REQUIRED(struct valid_attachment, ifname, "ifname", &text_type),
};
static const struct json_type attachment_type = OBJECT(attachment_fields);
static const struct json_type attachments_type = {
	.kind = JSON_LIST,
	.max = VALID_ATTACHMENTS_MAX,
	.item = &attachment_type,
	.item_size = sizeof(struct valid_attachment),
};
static const struct json_field fields[] = {
	FIELD_SET(struct lists, now, now_given, "cni.dev/valid-attachments",
		  &attachments_type),
	FIELD_SET(struct lists, before, before_given, "cni.dev/attachments",
		  &attachments_type),
};
static const struct json_type root = OBJECT(fields);

int valid_set_read(const struct json_doc *doc, struct valid_set *ret_set,
		   struct cni_error *err)
{
	struct lists lists = {};
	struct valid_set set = {};
	int ret = json_read(doc, &root, &lists, err);

	if (ret < 0)
		return ret;
	set.given = lists.now_given || lists.before_given;
	set.n = lists.now.n + lists.before.n;
	set.items = calloc(set.n + 1, sizeof(*set.items));
	if (set.items && lists.now.n)
		memcpy(set.items, lists.now.items, lists.now.n * sizeof(*set.items));
	if (set.items && lists.before.n)
		memcpy(set.items + lists.now.n, lists.before.items,
		       lists.before.n * sizeof(*set.items));
	json_clear(&root, &lists);
	if (!set.items)
		return error_oom(err);
	*ret_set = set;
	return 0;
}

void valid_set_clear(struct valid_set *set)
{
	free(set->items);
	*set = (struct valid_set){};
}

bool valid_set_has(const struct valid_set *set, const char *container_id,
		   const char *ifname)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->items[i].container_id, container_id) == 0 &&
		    strcmp(set->items[i].ifname, ifname) == 0)
			return true;
	return false;
}
