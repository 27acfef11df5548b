/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of a network's attachments, as the rest of the program reads them. */
#include <string.h>

#include "conf/base/list.h"
#include "network_store.h"
#include "pod_record.h"

int ipam_record_read(const struct ipam_env *env, const struct pod *pod,
		     struct record *ret_record, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	if (ret == 0)
		ret = pod_record_read(&store, pod, ret_record, err);
	return ret > 0 ? IPAM_NO_RECORD : ret;
}

void ipam_record_list_clear(struct ipam_record_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		record_clear(&list->items[i]);
	free(list->items);
	*list = (struct ipam_record_list){};
}

static bool is_connected(const struct ipam_env *env, const struct record *record)
{
	const struct ipam_kernel *kernel = env->kernel;

	return !record->coming && !record->going &&
	       strcmp(record->network, env->network) == 0 &&
	       record_is_on(record, env->bridge) && kernel && kernel->has_interface &&
	       kernel->has_interface(kernel, record);
}

static int newest_first(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	const struct file_mark *first = x->n ? &x->addresses[0].mark : NULL;
	const struct file_mark *second = y->n ? &y->addresses[0].mark : NULL;

	if (!first || !second)
		return !first - !second;
	if (first->mtime_sec != second->mtime_sec)
		return first->mtime_sec < second->mtime_sec ? 1 : -1;
	return (first->mtime_nsec < second->mtime_nsec) -
	       (first->mtime_nsec > second->mtime_nsec);
}

struct search {
	const struct ipam_env *env;
	struct ipam_record_list *list;
};

static int connected_add(struct record *record, uint64_t holder, void *data,
			 struct cni_error *err)
{
	const struct search *search = data;
	struct record *added;

	(void)holder;
	if (!is_connected(search->env, record))
		return 0;
	added = LIST_ADD(search->list);
	if (!added)
		return error_oom(err);
	*added = *record;
	*record = (struct record){};
	return 0;
}

int ipam_connected(const struct ipam_env *env, struct ipam_record_list *ret_list,
		   struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list list = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	ret = store_record_each(&store, connected_add, &(struct search){env, &list}, err);
	if (ret < 0)
		return ret;
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), newest_first);
	*ret_list = list;
	list = (struct ipam_record_list){};
	return 0;
}

int ipam_record_each(const struct ipam_env *env,
		     int (*fn)(const struct record *record, void *data,
			       struct cni_error *err),
		     void *data, struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list list = {};
	int ret = ipam_connected(env, &list, err);

	for (size_t i = 0; ret == 0 && i < list.n; i++)
		ret = fn(&list.items[i], data, err);
	return ret;
}
