/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Was it an owner's last record? */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "session.h"

#define OTHERS_FILE "others"

static bool any_record(const struct store *store, const char *bridge, int *ret_r,
		       struct cni_error *err)
{
	_cleanup_(record_walk_end) struct record_walk walk = {};
	uint64_t hash;

	for (;;) {
		_cleanup_(record_clear) struct record record = {};

		*ret_r = store_record_next_read(store, &walk, &hash, &record, err);
		if (*ret_r <= 0)
			return false;
		if (record_is_on(&record, bridge))
			return true;
	}
}

bool session_was_last(const struct store *store, const char *bridge)
{
	struct cni_error ignored = {};
	int ret = 0;

	if (store->own_fd < 0)
		return false;
	/* Mostly somebody else is there, and there is one owner. */
	if (store->table.head.used > 0 &&
	    faccessat(store->own_fd, OTHERS_FILE, F_OK, 0) < 0)
		return false;
	return !any_record(store, bridge, &ret, &ignored) && ret == 0;
}

int ipam_is_last(const struct ipam_env *env, bool *ret_last, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = session_open(env, STORE_EXISTING, &store, err);

	*ret_last = true;
	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	*ret_last = !any_record(&store, env->bridge, &ret, err);
	return ret;
}

void ipam_note_others(const struct ipam_env *env)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(close_p) int fd = -1;

	if (session_open(env, STORE_EXISTING, &store, &(struct cni_error){}) == 0 &&
	    store.own_fd >= 0)
		fd = openat(store.own_fd, OTHERS_FILE,
			    O_WRONLY | O_CREAT | STORE_OPEN_FLAGS, 0600);
}
