/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records are compared with interfaces and paths. The store's lock isn't taken: a record
 * is whole or absent, and an attachment that is alive has its namespace, at whatever step
 * of its ADD.
 */
#include "dead_attachments.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>

#include "conf/base/list.h"
#include "ipam/store/record.h"
#include "plugin/attachment/kernel.h"
#include "store_files.h"

enum life {
	ALIVE, /* it lives, or that can't be told */
	ALIVE_SEEN, /* it lives, and its namespace is seen at its path */
	DEAD, /* it has no interface, and at its path there is no namespace */
};

/* An attachment that has a record. */
struct recorded {
	struct record record;
	enum life life;
};

struct recorded_list {
	struct node node;
	struct kernel kernel; /* through which the plugin asks the same questions */
	struct recorded *items;
	size_t n;
};

static void recorded_list_clear(struct recorded_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		record_clear(&list->items[i].record);
	free(list->items);
	node_close(&list->node);
}

static enum life life_of(const struct recorded_list *list, const struct record *record)
{
	const struct ipam_kernel *kernel = &list->kernel.ipam;
	struct statfs at = {};
	bool is_namespace;

	if (statfs(record->netns, &at) < 0 && errno != ENOENT)
		return ALIVE;
	is_namespace = at.f_type == NSFS_MAGIC;
	if (kernel->has_interface(kernel, record))
		return is_namespace ? ALIVE_SEEN : ALIVE;
	/* An attachment of an earlier boot is the plugin's to give back, and one that is
	 * connected to another network namespace than this node's is that node's. */
	if (is_namespace || strcmp(record->boot, kernel->boot_id) != 0 ||
	    (record->node && record->node != kernel->node_cookie(kernel)) ||
	    kernel->has_renamed(kernel, record))
		return ALIVE;
	return DEAD;
}

static int add_recorded(const char *text, size_t len, void *data, struct cni_error *err)
{
	struct recorded_list *list = data;
	struct recorded *item = LIST_ADD(list);

	if (!item)
		return error_oom(err);
	if (record_parse(text, len, &item->record) < 0)
		list->n--; /* torn, or of a newer version: it counts as alive */
	else
		item->life = life_of(list, &item->record);
	return 0;
}

/* Is the namespace of a live attachment seen in the directory of this path? */
static bool is_believed(const struct recorded_list *list, const char *netns)
{
	const char *slash = strrchr(netns, '/');
	size_t len = slash ? (size_t)(slash - netns) + 1 : 0;

	for (size_t i = 0; len && i < list->n; i++) {
		const char *other = list->items[i].record.netns;

		if (list->items[i].life == ALIVE_SEEN &&
		    strncmp(netns, other, len) == 0 && !strchr(other + len, '/'))
			return true;
	}
	return false;
}

int dead_attachments_find(const struct network_names *names,
			  struct ipam_holder_list *ret_dead, size_t *ret_refused,
			  struct cni_error *err)
{
	_cleanup_(recorded_list_clear) struct recorded_list list = {.node = NODE_CLOSED};
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list dead = {};
	size_t refused = 0;
	int ret;

	ret = node_open(&list.node, err);
	if (ret < 0)
		return ret;
	kernel_open(&list.node, &list.kernel);
	ret = store_files_each_record(names, add_recorded, &list, err);
	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct record *record = &list.items[i].record;

		if (list.items[i].life != DEAD || !record_is_on(record, names->bridge))
			continue;
		if (!is_believed(&list, record->netns))
			refused++;
		else if (ipam_holder_list_add(&dead, record->container_id,
					      record->ifname) < 0)
			ret = error_oom(err);
	}
	if (ret < 0)
		return ret;
	*ret_dead = dead;
	*ret_refused = refused;
	dead = (struct ipam_holder_list){};
	return 0;
}

bool dead_attachments_confirm(const struct network_names *names,
			      const struct ipam_holder *holder)
{
	_cleanup_(recorded_list_clear) struct recorded_list list = {.node = NODE_CLOSED};
	_cleanup_(free_p) char *text = NULL;
	size_t len;

	if (store_files_read_record(names, names->name, holder->container_id,
				    holder->ifname, &text, &len, NULL) != 0 ||
	    node_open(&list.node, NULL) < 0)
		return false;
	kernel_open(&list.node, &list.kernel);
	return add_recorded(text, len, &list, NULL) == 0 && list.n == 1 &&
	       list.items[0].life == DEAD;
}
