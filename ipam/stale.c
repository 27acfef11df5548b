/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the attachments of the owner (identity_owner()) that are not alive, by
 * liveness.c. ipam/store/rebuild.c gives back the reservations of boots that are over.
 */
#include <errno.h>

#include "liveness.h"
#include "network_store.h"

struct search {
	struct store *store;
	const struct ipam_env *env;
	bool (*is_wanted)(const struct search *search, const struct record *record);
	struct ipam_holder_list list;
};

static int wanted_add(struct record *record, uint64_t holder, void *data,
		      struct cni_error *err)
{
	struct search *search = data;

	/* A DEL would not find a record that stands under another's name. */
	if (holder_hash(record->container_id, record->ifname) != holder ||
	    !record_is_on(record, search->env->bridge) ||
	    !search->is_wanted(search, record))
		return 0;
	if (ipam_holder_list_add(&search->list, record->container_id, record->ifname,
				 record->pod) < 0)
		return error_oom(err);
	return 0;
}

/* Gives the names in all records that the search wants. */
static int search_run(struct search *search, struct ipam_holder_list *ret_list,
		      struct cni_error *err)
{
	int ret = store_record_each(search->store, wanted_add, search, err);

	if (ret < 0)
		ipam_holder_list_clear(&search->list);
	else
		*ret_list = search->list;
	return ret;
}

static bool is_not_alive(const struct search *search, const struct record *record)
{
	return record_liveness(search->store, search->env, record) != IPAM_ALIVE;
}

int ipam_stale(const struct ipam_env *env, struct ipam_holder_list *ret_list,
	       struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct search search = {&store, env, is_not_alive, {}};
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	ret = network_store_index(&store, env, err);
	if (ret == 0)
		ret = network_store_refresh(&store, env, err);
	return ret < 0 ? ret : search_run(&search, ret_list, err);
}

/* The attachment had reservations, and none of them is its own any more. A reservation
 * that can't be read counts as its own. */
static bool has_lost_reservations(const struct store *store, const struct record *record)
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

static bool is_released(const struct search *search, const struct record *record)
{
	const struct ipam_kernel *kernel = search->env->kernel;

	return !kernel->has_interface(kernel, record) &&
	       has_lost_reservations(search->store, record);
}

int ipam_released(const struct ipam_env *env, struct ipam_holder_list *ret_list,
		  struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct search search = {&store, env, is_released, {}};
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	return search_run(&search, ret_list, err);
}
