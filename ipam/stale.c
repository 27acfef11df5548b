/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which attachments are dead? What boots that are over left is ipam/store/rebuild.c's. */
#include <errno.h>
#include <string.h>

#include "allocator.h"
#include "session.h"
#include "ipam/store/owner.h"

void ipam_owner_list_clear(struct ipam_owner_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].container_id);
		free(list->items[i].ifname);
	}
	free(list->items);
	*list = (struct ipam_owner_list){};
}

int ipam_owner_list_add(struct ipam_owner_list *list, const char *container_id,
			const char *ifname)
{
	struct ipam_owner owner, *grown;

	grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	owner.container_id = strdup(container_id);
	owner.ifname = strdup(ifname);
	if (!owner.container_id || !owner.ifname) {
		free(owner.container_id);
		free(owner.ifname);
		return -ENOMEM;
	}
	grown[list->n++] = owner;
	return 0;
}

typedef bool (*record_pick_fn)(struct store *store, const struct ipam_env *env,
			       const struct record *record);

/* The owners of those records of @env's network and bridge that @pick takes. */
static int owners_pick(struct store *store, const struct ipam_env *env,
		       record_pick_fn pick, struct ipam_owner_list *ret_list,
		       struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list list = {};
	_cleanup_(record_walk_end) struct record_walk walk = {};
	uint64_t hash;
	int r;

	for (;;) {
		_cleanup_(record_clear) struct record record = {};

		r = store_record_next_read(store, &walk, &hash, &record, err);
		if (r <= 0)
			break;
		/* A DEL doesn't find a record that has another's name. */
		if (owner_hash(record.container_id, record.ifname) != hash ||
		    !record_is_on(&record, env->bridge) || !pick(store, env, &record))
			continue;
		if (ipam_owner_list_add(&list, record.container_id, record.ifname) < 0)
			return error_oom(err);
	}
	if (r < 0)
		return r;
	*ret_list = list;
	list = (struct ipam_owner_list){};
	return 0;
}

static bool is_stale_record(struct store *store, const struct ipam_env *env,
			    const struct record *record)
{
	return session_liveness(store, env, record) != IPAM_ALIVE;
}

int ipam_stale(const struct ipam_env *env, struct ipam_owner_list *ret_list,
	       struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int r = session_open(env, STORE_EXISTING, &store, err);

	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	r = session_index(&store, env, err);
	if (r == 0)
		r = session_refresh(&store, env, err);
	return r < 0 ? r : owners_pick(&store, env, is_stale_record, ret_list, err);
}

/* Had the attachment reservations, and is none of them its own any more? A reservation that
 * can't be read counts as its own. */
static bool is_robbed(const struct store *store, const struct record *record)
{
	const struct owner owner = {record->container_id, record->ifname};
	bool reserved = false;

	for (size_t i = 0; i < record->n; i++) {
		struct owner_text text;
		int r;

		if (!record->addresses[i].reserved)
			continue;
		reserved = true;
		r = store_owner_of(store, &record->addresses[i].address.addr, &text);
		if (r != -ENOENT && (r < 0 || owner_match(&text, &owner) != OWNER_OTHER))
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

int ipam_released(const struct ipam_env *env, struct ipam_owner_list *ret_list,
		  struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int r = session_open(env, STORE_EXISTING, &store, err);

	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	return owners_pick(&store, env, is_released, ret_list, err);
}

int ipam_liveness(const struct ipam_env *env, const struct pod *pod,
		  enum ipam_liveness *ret_life, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int r;

	*ret_life = IPAM_ALIVE;
	r = session_open(env, STORE_EXISTING, &store, err);
	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	r = session_index(&store, env, err);
	if (r < 0)
		return r;
	if (store_record_read(&store, session_hash(pod), &record) == 0 &&
	    record_is_of(&record, env->network, pod->container_id, pod->ifname))
		*ret_life = session_liveness(&store, env, &record);
	return 0;
}
