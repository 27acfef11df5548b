/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether an attachment is alive. Everything that can't be known counts as alive. */
#include "liveness.h"

#include <string.h>

#include "ipam/store/holder.h"
#include "network_store.h"
#include "pod_record.h"

/* The record was made in another network namespace of the node on the same store. The
 * interfaces of that namespace aren't seen here. */
static bool is_elsewhere(const struct ipam_kernel *kernel, const struct record *record)
{
	uint64_t here = kernel->node_cookie(kernel);

	return record->node && here && record->node != here;
}

enum ipam_liveness liveness_judge(const struct ipam_env *env, const struct record *record,
				  bool covers, bool holds)
{
	const struct ipam_kernel *kernel = env->kernel;
	bool reserved = false;
	enum ipam_liveness life;

	if (!kernel || !kernel->has_interface ||
	    strcmp(record->network, env->network) != 0 || is_elsewhere(kernel, record) ||
	    !covers || kernel->has_interface(kernel, record))
		return IPAM_ALIVE;
	for (size_t i = 0; i < record->n; i++)
		reserved = reserved || record->addresses[i].reserved;
	if (reserved && !holds)
		life = IPAM_RELEASED;
	else
		life = kernel->lost_netns(kernel, record) ? IPAM_STALE : IPAM_ALIVE;
	return life != IPAM_ALIVE && kernel->has_renamed(kernel, record) ? IPAM_ALIVE
									 : life;
}

enum ipam_liveness record_liveness(struct store *store, const struct ipam_env *env,
				   const struct record *record)
{
	return liveness_judge(env, record, store_record_covers(store, record),
			      store_record_holds(store, record));
}

int ipam_liveness(const struct ipam_env *env, const struct pod *pod,
		  enum ipam_liveness *ret_life, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret;

	*ret_life = IPAM_ALIVE;
	ret = network_store_open(env, STORE_EXISTING, &store, err);
	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	ret = network_store_index(&store, env, err);
	if (ret < 0)
		return ret;
	if (pod_record_read(&store, pod, &record, NULL) == 0)
		*ret_life = record_liveness(&store, env, &record);
	return 0;
}
