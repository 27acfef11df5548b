/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of a network's attachments, as the rest of the program reads them. */
#include <errno.h>
#include <string.h>

#include "session.h"

int ipam_record_read(const struct ipam_env *env, const struct pod *pod,
		     struct record *ret_record, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = session_open(env, STORE_EXISTING, &store, err);

	if (ret < 0)
		return ret;
	ret = session_record(&store, pod, &record, err);
	if (err->code)
		return ret;
	if (ret < 0 ||
	    !record_is_of(&record, env->network, pod->container_id, pod->ifname))
		return -ENOENT;
	*ret_record = record;
	record = (struct record){};
	return 0;
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

static int records_read(const struct ipam_env *env, struct ipam_record_list *list,
			struct cni_error *err)
{
	_cleanup_(record_walk_end) struct record_walk walk = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	uint64_t hash;
	int ret = session_open(env, STORE_EXISTING, &store, err);

	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	for (;;) {
		_cleanup_(record_clear) struct record record = {};
		struct record *grown;

		ret = store_record_next_read(&store, &walk, &hash, &record, err);
		if (ret <= 0)
			return ret;
		if (!is_connected(env, &record))
			continue;
		grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
		if (!grown)
			return error_oom(err);
		list->items = grown;
		grown[list->n++] = record;
		record = (struct record){};
	}
}

int ipam_connected(const struct ipam_env *env, struct ipam_record_list *ret_list,
		   struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list list = {};
	int ret = records_read(env, &list, err);

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
