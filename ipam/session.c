/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all operations on a store have in common. */
#include "conf/base/notices.h"
#include "session.h"

#include <errno.h>
#include <string.h>

#include "ipam/store/index.h"
#include "ipam/store/holder.h"

const char *session_boot(const struct ipam_env *env)
{
	return env->kernel ? env->kernel->boot_id : "";
}

int session_open(const struct ipam_env *env, enum store_mode mode,
		 struct store *ret_store, struct cni_error *err)
{
	return store_open(env->data_dir, env->network, mode, STORE_LOCK_WAIT_MS,
			  ret_store, err);
}

static void tell(const struct ipam_env *env, const struct index_news *news)
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

int session_index(struct store *store, const struct ipam_env *env, struct cni_error *err)
{
	struct index_news news = {};
	int ret = index_open(store, session_boot(env), &news, err);

	tell(env, &news);
	return ret;
}

int session_refresh(struct store *store, const struct ipam_env *env,
		    struct cni_error *err)
{
	struct index_news news = {};
	int ret = index_refresh(store, session_boot(env), &news, err);

	tell(env, &news);
	return ret;
}

int session_reindex(struct store *store, const struct ipam_env *env,
		    struct cni_error *err)
{
	index_spoil(store);
	table_close(&store->table);
	return session_index(store, env, err);
}

/* Made in another network namespace on the same store, whose interfaces aren't seen here. */
static bool is_elsewhere(const struct ipam_kernel *kernel, const struct record *record)
{
	uint64_t here = kernel->node_cookie(kernel);

	return record->node && here && record->node != here;
}

enum ipam_liveness session_liveness(struct store *store, const struct ipam_env *env,
				    const struct record *record)
{
	const struct ipam_kernel *kernel = env->kernel;
	bool reserved = false;
	enum ipam_liveness life;

	if (!kernel || !kernel->has_interface ||
	    strcmp(record->network, env->network) != 0 || is_elsewhere(kernel, record) ||
	    !store_record_covers(store, record) || kernel->has_interface(kernel, record))
		return IPAM_ALIVE;
	for (size_t i = 0; i < record->n; i++)
		reserved = reserved || record->addresses[i].reserved;
	if (reserved && !store_record_holds(store, record))
		life = IPAM_RELEASED;
	else
		life = kernel->lost_netns(kernel, record) ? IPAM_STALE : IPAM_ALIVE;
	return life != IPAM_ALIVE && kernel->has_renamed(kernel, record) ? IPAM_ALIVE
									 : life;
}

int session_record(const struct store *store, const struct pod *pod,
		   struct record *ret_record, struct cni_error *err)
{
	uint64_t hash = session_hash(pod);
	char name[RECORD_NAME_MAX];
	int ret = store_record_read(store, hash, ret_record);

	if (ret == 0 || ret == -ENOENT || ret == -EBADMSG)
		return ret;
	record_name(hash, name);
	if (ret != -ENOTSUP)
		return store_file_error(store->own_path, name, -ret, "read", err);
	return error_set(err, CNI_ERR_IO, ENOTSUP,
			 "%s/%s was written by a newer version of bridge-cni: the "
			 "format in its first line is higher than %d, the last that "
			 "this version (" BRIDGE_CNI_VERSION ") knows; use one that "
			 "knows it, or remove the file: then DEL goes by names, and "
			 "what only the file tells of stays",
			 store->own_path, name, RECORD_VERSION);
}
