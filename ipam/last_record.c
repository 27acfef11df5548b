/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks whether an owner (identity_owner()) still has a record in the store. */
#include "last_record.h"

#include <fcntl.h>
#include <unistd.h>

#include "network_store.h"

#define FOUND_ON_BRIDGE 1 /* a record of the bridge */

static int record_find(struct record *record, uint64_t holder, void *data,
		       struct cni_error *err)
{
	const char *const *bridge = data;

	(void)holder, (void)err;
	return record_is_on(record, *bridge) ? FOUND_ON_BRIDGE : 0;
}

/* Looks for a record of the bridge. 0: there is none; FOUND_ON_BRIDGE. */
static int bridge_find(const struct store *store, const char *bridge,
		       struct cni_error *err)
{
	return store_record_each(store, record_find, &bridge, err);
}

bool was_last_record(const struct store *store, const char *bridge)
{
	if (store->own_fd < 0)
		return false;
	/* Mostly others are left, and there is no second owner: nothing needs
	 * to be read. */
	if (store->table.head.used > 0 &&
	    faccessat(store->own_fd, STORE_OTHERS, F_OK, 0) < 0)
		return false;
	return bridge_find(store, bridge, NULL) == 0;
}

int ipam_has_no_record(const struct ipam_env *env, bool *ret_none, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	if (ret == 0)
		ret = bridge_find(&store, env->bridge, err);
	else if (ret == STORE_ABSENT)
		ret = 0;
	if (ret < 0)
		return ret;
	*ret_none = ret == 0;
	return 0;
}

void ipam_note_others(const struct ipam_env *env)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(close_p) int fd = -1;

	if (network_store_open(env, STORE_EXISTING, &store, NULL) == 0 &&
	    store.own_fd >= 0)
		fd = openat(store.own_fd, STORE_OTHERS,
			    O_WRONLY | O_CREAT | STORE_OPEN_FLAGS, 0600);
}
