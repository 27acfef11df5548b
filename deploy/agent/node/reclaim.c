/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records held against interfaces and paths. The store's lock isn't taken: a record is whole
 * or absent, and who is alive keeps its namespace, at whatever step of its ADD it is. */
#include "reclaim.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>

#include "ipam/store/record.h"
#include "plugin/attachment/kernel.h"
#include "store_files.h"

enum life {
	LIVES, /* or it can't be told */
	LIVES_SEEN, /* its namespace is seen to be one */
	LOST, /* no interface, and at its path there is no namespace */
};

struct suspect {
	struct record record;
	enum life life;
};

struct suspects {
	struct node node;
	struct kernel kernel; /* as the plugin itself asks it */
	struct suspect *items;
	size_t n;
};

static void suspects_clear(struct suspects *list)
{
	for (size_t i = 0; i < list->n; i++)
		record_clear(&list->items[i].record);
	free(list->items);
	node_close(&list->node);
}

static enum life life_of(const struct suspects *list, const struct record *record)
{
	const struct ipam_kernel *kernel = &list->kernel.ipam;
	struct statfs at = {};
	bool is_namespace;

	if (statfs(record->netns, &at) < 0 && errno != ENOENT)
		return LIVES;
	is_namespace = at.f_type == NSFS_MAGIC;
	if (kernel->has_interface(kernel, record))
		return is_namespace ? LIVES_SEEN : LIVES;
	/* What earlier boots left, the plugin itself gives back; what is connected to another
	 * namespace than the node's, somebody there. */
	if (is_namespace || strcmp(record->boot, kernel->boot_id) != 0 ||
	    (record->node && record->node != kernel->node_cookie(kernel)) ||
	    kernel->has_renamed(kernel, record))
		return LIVES;
	return LOST;
}

static int consider(const char *text, size_t len, void *data, struct cni_error *err)
{
	struct suspects *list = data;
	struct record record = {};
	struct suspect *items;

	if (record_parse(text, len, &record) < 0)
		return 0; /* torn, or of a newer version: not ours to judge */
	items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (!items) {
		record_clear(&record);
		return error_oom(err);
	}
	list->items = items;
	items[list->n++] = (struct suspect){record, life_of(list, &record)};
	return 0;
}

/* Is a live one's namespace seen in the directory of this path? */
static bool is_believed(const struct suspects *list, const char *netns)
{
	const char *slash = strrchr(netns, '/');
	size_t len = slash ? (size_t)(slash - netns) + 1 : 0;

	for (size_t i = 0; len && i < list->n; i++) {
		const char *other = list->items[i].record.netns;

		if (list->items[i].life == LIVES_SEEN &&
		    strncmp(netns, other, len) == 0 && !strchr(other + len, '/'))
			return true;
	}
	return false;
}

int reclaim_find(const struct options *options, struct ipam_owner_list *ret_dead,
		 size_t *ret_refused, struct cni_error *err)
{
	_cleanup_(suspects_clear) struct suspects list = {.node = NODE_CLOSED};
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list dead = {};
	size_t refused = 0;
	int r;

	r = node_open(&list.node, err);
	if (r < 0)
		return r;
	kernel_open(&list.node, &list.kernel);
	r = store_look_records(options, consider, &list, err);
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		const struct record *record = &list.items[i].record;

		if (list.items[i].life != LOST || !record_is_on(record, options->bridge))
			continue;
		if (!is_believed(&list, record->netns))
			refused++;
		else if (ipam_owner_list_add(&dead, record->container_id,
					     record->ifname) < 0)
			r = error_oom(err);
	}
	if (r < 0)
		return r;
	*ret_dead = dead;
	*ret_refused = refused;
	dead = (struct ipam_owner_list){};
	return 0;
}

bool reclaim_is_dead(const struct options *options, const struct ipam_owner *owner)
{
	_cleanup_(suspects_clear) struct suspects list = {.node = NODE_CLOSED};
	_cleanup_(free_p) char *text = NULL;
	struct cni_error ignored = {};
	size_t len;

	if (store_look_record(options, owner->container_id, owner->ifname, &text, &len,
			      &ignored) < 0 ||
	    node_open(&list.node, &ignored) < 0)
		return false;
	kernel_open(&list.node, &list.kernel);
	return consider(text, len, &list, &ignored) == 0 && list.n == 1 &&
	       list.items[0].life == LOST;
}

int reclaim_start(const struct options *options, const struct conflist *list,
		  const struct ipam_owner *owner, struct job *job, struct cni_error *err)
{
	_cleanup_(free_p) char *program = NULL, *id = NULL, *ifname = NULL, *path = NULL;

	if (asprintf(&program, "%s/bridge-cni", options->bundle) < 0)
		program = NULL;
	if (asprintf(&id, "CNI_CONTAINERID=%s", owner->container_id) < 0)
		id = NULL;
	if (asprintf(&ifname, "CNI_IFNAME=%s", owner->ifname) < 0)
		ifname = NULL;
	if (asprintf(&path, "CNI_PATH=%s", options->bundle) < 0)
		path = NULL;
	if (!program || !id || !ifname || !path)
		return error_oom(err);
	return job_start(job, (char *[]){program, NULL},
			 (char *[]){"CNI_COMMAND=DEL", id, ifname, path, NULL},
			 list->plugin, err);
}
