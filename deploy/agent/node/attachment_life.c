/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records are compared with interfaces and paths. */
#include "attachment_life.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>

#include "conf/base/list.h"
#include "store_files.h"

int recorded_list_open(struct recorded_list *list, struct cni_error *err)
{
	int ret = node_open(&list->node, err);

	if (ret == 0)
		kernel_open(&list->node, &list->kernel);
	return ret;
}

void recorded_list_clear(struct recorded_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		record_clear(&list->items[i].record);
	free(list->items);
	node_close(&list->node);
}

bool is_namespace(const char *path)
{
	struct statfs at;

	return statfs(path, &at) == 0 && at.f_type == NSFS_MAGIC;
}

static enum life life_of(const struct recorded_list *list, const struct record *record)
{
	const struct ipam_kernel *kernel = &list->kernel.ipam;
	struct statfs at = {};
	bool seen;

	if (statfs(record->netns, &at) < 0 && errno != ENOENT)
		return LIFE_ALIVE;
	seen = at.f_type == NSFS_MAGIC;
	if (kernel->has_interface(kernel, record))
		return seen ? LIFE_SEEN : LIFE_ALIVE;
	/* An attachment of an earlier boot is the plugin's to give back, and one that is
	 * connected to another network namespace than this node's is that node's. */
	if (strcmp(record->boot, kernel->boot_id) != 0 ||
	    (record->node && record->node != kernel->node_cookie(kernel)))
		return LIFE_ELSEWHERE;
	return seen || kernel->has_renamed(kernel, record) ? LIFE_ALIVE : LIFE_DEAD;
}

int recorded_list_add(const char *text, size_t len, void *data, struct cni_error *err)
{
	struct recorded_list *list = data;
	struct recorded *item = LIST_ADD(list);

	if (!item)
		return error_oom(err);
	if (record_parse(text, len, &item->record) < 0)
		list->n--;
	else
		item->life = life_of(list, &item->record);
	return 0;
}

int recorded_list_add_network(struct recorded_list *list,
			      const struct network_names *names, struct cni_error *err)
{
	return store_files_each_record(names, recorded_list_add, list, err);
}

int recorded_list_add_all(struct recorded_list *list, const struct network_names *names,
			  struct cni_error *err)
{
	return store_files_each_record_of_all(names, recorded_list_add, list, err);
}
