/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens a network's store and its index, and tells of what the index gave back. */
#include "network_store.h"

#include "conf/base/notices.h"
#include "ipam/store/index.h"

static const char *boot_of(const struct ipam_env *env)
{
	return env->kernel ? env->kernel->boot_id : "";
}

int network_store_open(const struct ipam_env *env, enum store_mode mode,
		       struct store *ret_store, struct cni_error *err)
{
	int ret = store_open_telling(env->data_dir, env->network,
				     env->looks ? STORE_LOOK : mode, STORE_LOCK_WAIT_MS,
				     env->tell_wait, ret_store, err);

	return ret == 0 && ret_store->own_errnum
		       ? store_file_error(ret_store->own_path, NULL,
					  ret_store->own_errnum, "open", err)
		       : ret;
}

static void tell(const struct ipam_env *env, const struct rebuild_news *news)
{
	if (news->past)
		notice(env->notices,
		       "network %s: gave back %zu reservation%s and records "
		       "of boots that are over",
		       env->network, news->past, news->past == 1 ? "" : "s");
	if (news->empty)
		notice(env->notices,
		       "network %s: gave back %zu reservation%s that named "
		       "nobody (an empty file, as a power cut leaves it)",
		       env->network, news->empty, news->empty == 1 ? "" : "s");
}

int network_store_index(struct store *store, const struct ipam_env *env,
			struct cni_error *err)
{
	struct rebuild_news news = {};
	int ret = index_open(store, boot_of(env), &news, err);

	tell(env, &news);
	return ret;
}

int network_store_refresh(struct store *store, const struct ipam_env *env,
			  struct cni_error *err)
{
	struct rebuild_news news = {};
	int ret = index_refresh(store, boot_of(env), &news, err);

	tell(env, &news);
	return ret;
}

int network_store_reindex(struct store *store, const struct ipam_env *env,
			  struct cni_error *err)
{
	index_spoil(store);
	table_close(&store->table);
	return network_store_index(store, env, err);
}
