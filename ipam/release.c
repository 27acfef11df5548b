/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DEL's part: reservations are given back, then the record is removed, with the store
 * locked once. ipam/store/holder.c finds and removes reservations.
 */
#include "ipam/store/holder.h"
#include "last_record.h"
#include "network_store.h"
#include "pod_record.h"

/* Are the attachment's addresses reserved elsewhere, if at all? @record: NULL: there is
 * none. */
static bool is_given(const struct ipam_env *env, const struct record *record)
{
	if (!record || record->n == 0)
		return env->are_given;
	for (size_t i = 0; i < record->n; i++)
		if (record->addresses[i].reserved)
			return false;
	return true;
}

static int reservations_release(const struct ipam_env *env, const struct holder *holder,
				const struct record *record, struct store *store,
				size_t *ret_removed, struct cni_error *err)
{
	size_t more = 0;
	int ret;

	*ret_removed = 0;
	if (is_given(env, record))
		return 0;
	ret = store_release(store, holder, record, ret_removed, err);
	if (table_error(&store->table) < 0 && ret == 0) {
		ret = network_store_reindex(store, env, err);
		if (ret == 0)
			ret = store_release(store, holder, NULL, &more, err);
	}
	*ret_removed += more;
	return ret;
}

static int release(const struct ipam_env *env, const struct pod *pod, bool *ret_last,
		   struct store *store, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	struct holder holder = pod_holder(pod);
	size_t removed;
	bool own;
	int ret;

	ret = pod_record_read(store, pod, &record, err);
	if (ret < 0)
		return ret;
	/* A torn record is removed, too: it is of use to nobody. */
	own = ret == 0 || ret == POD_RECORD_TORN;
	ret = reservations_release(env, &holder, ret == 0 ? &record : NULL, store,
				   &removed, err);
	/* The record goes last: where this ends early, it says what is left to do. */
	if (ret == 0 && own)
		ret = store_record_remove(store, pod_holder_hash(pod), err);
	/* A second DEL looks, too: the first one may have ended here. */
	if (ret == 0)
		*ret_last = was_last_record(store, env->bridge);
	store_tidy(store);
	if (removed > 0)
		index_save(store);
	return ret;
}

int ipam_release(const struct ipam_env *env, const struct pod *pod, bool *ret_last,
		 struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret;

	ret = network_store_open(env, STORE_EXISTING, &store, err);
	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	ret = network_store_index(&store, env, err);
	return ret == 0 ? release(env, pod, ret_last, &store, err) : ret;
}
