/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DEL's part: reservations are given back, then the record is removed, with the store
 * locked once. ipam/store/holder.c finds and removes reservations.
 */
#include "ipam/store/holder.h"
#include "last_record.h"
#include "network_store.h"
#include "pod_record.h"

static int release(const struct ipam_env *env, const struct pod *pod, bool *ret_last,
		   struct store *store, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	struct holder holder = pod_holder(pod);
	size_t removed = 0, more = 0;
	bool own;
	int ret;

	ret = pod_record_read(store, pod, &record, err);
	if (ret < 0)
		return ret;
	/* A torn record is removed, too: it is of use to nobody. */
	own = ret == 0 || ret == POD_RECORD_TORN;
	ret = store_release(store, &holder, ret == 0 ? &record : NULL, &removed, err);
	if (table_error(&store->table) < 0 && ret == 0) {
		ret = network_store_reindex(store, env, err);
		if (ret == 0)
			ret = store_release(store, &holder, NULL, &more, err);
	}
	/* The record goes last: where this ends early, it says what is left to do. */
	if (ret == 0 && own)
		ret = store_record_remove(store, pod_holder_hash(pod), err);
	/* A second DEL looks, too: the first one may have ended here. */
	if (ret == 0)
		*ret_last = was_last_record(store, env->bridge);
	store_tidy(store);
	if (removed + more > 0)
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
