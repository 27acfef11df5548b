/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which attachments are dead? What boots that are over left is ipam/store/rebuild.c's. */
#include <errno.h>
#include <string.h>

#include "allocator.h"
#include "session.h"
#include "ipam/store/holder.h"

void ipam_holder_list_clear(struct ipam_holder_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].container_id);
		free(list->items[i].ifname);
	}
	free(list->items);
	*list = (struct ipam_holder_list){};
}

int ipam_holder_list_add(struct ipam_holder_list *list, const char *container_id,
			 const char *ifname)
{
	struct ipam_holder holder, *grown;

	grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	holder.container_id = strdup(container_id);
	holder.ifname = strdup(ifname);
	if (!holder.container_id || !holder.ifname) {
		free(holder.container_id);
		free(holder.ifname);
		return -ENOMEM;
	}
	grown[list->n++] = holder;
	return 0;
}

typedef bool (*record_pick_fn)(struct store *store, const struct ipam_env *env,
			       const struct record *record);

/* The holders of those records of @env's network and bridge that @pick takes. */
static int holders_pick(struct store *store, const struct ipam_env *env,
			record_pick_fn pick, struct ipam_holder_list *ret_list,
			struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list list = {};
	_cleanup_(record_walk_end) struct record_walk walk = {};
	uint64_t hash;
	int ret;

	for (;;) {
		_cleanup_(record_clear) struct record record = {};

		ret = store_record_next_read(store, &walk, &hash, &record, err);
		if (ret <= 0)
			break;
		/* A DEL doesn't find a record that has another's name. */
		if (holder_hash(record.container_id, record.ifname) != hash ||
		    !record_is_on(&record, env->bridge) || !pick(store, env, &record))
			continue;
		if (ipam_holder_list_add(&list, record.container_id, record.ifname) < 0)
			return error_oom(err);
	}
	if (ret < 0)
		return ret;
	*ret_list = list;
	list = (struct ipam_holder_list){};
	return 0;
}

static bool is_stale_record(struct store *store, const struct ipam_env *env,
			    const struct record *record)
{
	return session_liveness(store, env, record) != IPAM_ALIVE;
}

int ipam_stale(const struct ipam_env *env, struct ipam_holder_list *ret_list,
	       struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = session_open(env, STORE_EXISTING, &store, err);

	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	ret = session_index(&store, env, err);
	if (ret == 0)
		ret = session_refresh(&store, env, err);
	return ret < 0 ? ret : holders_pick(&store, env, is_stale_record, ret_list, err);
}

/* Had the attachment reservations, and is none of them its own any more? A reservation that
 * can't be read counts as its own. */
static bool is_robbed(const struct store *store, const struct record *record)
{
	const struct holder holder = {record->container_id, record->ifname};
	bool reserved = false;

	for (size_t i = 0; i < record->n; i++) {
		struct holder_text text;
		int ret;

		if (!record->addresses[i].reserved)
			continue;
		reserved = true;
		ret = store_holder_of(store, &record->addresses[i].address.addr, &text);
		if (ret != -ENOENT &&
		    (ret < 0 || holder_match(&text, &holder) != HOLDER_OTHER))
			return false;
	}
	return reserved;
}

static bool is_released(struct store *store, const struct ipam_env *env,
			const struct record *record)
{
	return !env->kernel->has_interface(env->kernel, record) &&
	       is_robbed(store, record);
}

int ipam_released(const struct ipam_env *env, struct ipam_holder_list *ret_list,
		  struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = session_open(env, STORE_EXISTING, &store, err);

	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	return holders_pick(&store, env, is_released, ret_list, err);
}

int ipam_liveness(const struct ipam_env *env, const struct pod *pod,
		  enum ipam_liveness *ret_life, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret;

	*ret_life = IPAM_ALIVE;
	ret = session_open(env, STORE_EXISTING, &store, err);
	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	ret = session_index(&store, env, err);
	if (ret < 0)
		return ret;
	if (store_record_read(&store, session_hash(pod), &record) == 0 &&
	    record_is_of(&record, env->network, pod->container_id, pod->ifname))
		*ret_life = session_liveness(&store, env, &record);
	return 0;
}
