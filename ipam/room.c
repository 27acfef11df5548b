/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is there room in the store for another attachment's addresses, as STATUS asks? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "allocator.h"
#include "network_store.h"

/* ADD would write to dataDir, or make it in the nearest directory above it
 * that is there. */
static int data_dir_check(const char *data_dir, struct cni_error *err)
{
	_cleanup_(free_p) char *path = strdup(data_dir);
	char *slash;
	int ret;

	if (!path)
		return error_oom(err);
	while ((ret = faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS)) < 0 &&
	       errno == ENOENT && (slash = strrchr(path, '/')) && slash != path)
		*slash = '\0';
	if (ret < 0)
		return error_errno(err, CNI_ERR_UNAVAILABLE, errno,
				   "ipam.dataDir: %s can't be written to", path);
	return 0;
}

/* Finds the range that the next address of the set would be of. */
static int next_range(struct store *store, const struct range_set_list *sets, size_t set,
		      const struct ip_range **ret_range, struct cni_error *err)
{
	_cleanup_(last_close) struct last_file last = LAST_CLOSED;
	struct ip_addr ip;
	int ret;

	if (sets->items[set].n > 1)
		store_last_get(store, set, &last);
	ret = allocator_next(store, sets, set, &last.ip, &ip, err);
	if (ret == 0)
		*ret_range = range_set_find(&sets->items[set], &ip);
	return ret;
}

/* Whether nobody has an address of the range, as far as its first 256 tell, which is one
 * look into the table. */
static bool is_unused(struct store *store, const struct ip_range *range)
{
	struct ip_addr to = range->start;

	to.bytes[ip_size(to.family) - 1] = 0xff;
	if (ip_cmp(&to, &range->end) > 0)
		to = range->end;
	return table_count(&store->table, &range->start, &to) == 0;
}

/* Adds to @next what ipam_room() gives. @store is NULL where there is none yet. */
static int room_check(struct store *store, const struct range_set_list *sets,
		      struct cni_result *next, struct cni_error *err)
{
	for (size_t i = 0; i < sets->n; i++) {
		const struct ip_range *range = &sets->items[i].ranges[0];
		int ret = store ? next_range(store, sets, i, &range, err) : 0;

		if (ret < 0)
			return ret;
		if (store && !is_unused(store, range))
			continue;
		next->ips.items[next->ips.n++] = (struct ip_config){
			.address = {range->start, range->subnet.len},
			.gateway = range->gateway,
			.interface = -1,
		};
	}
	return 0;
}

int ipam_room(const struct ipam_env *env, const struct network *network,
	      struct cni_result *ret_next, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(cni_result_clear) struct cni_result next = {};
	const struct range_set_list *sets = &network->ipam.sets;
	bool fresh;
	int ret = data_dir_check(env->data_dir, err);

	if (ret == 0)
		ret = network_store_open(env, STORE_EXISTING, &store, err);
	fresh = ret == STORE_ABSENT;
	if (ret < 0 && !fresh)
		return ret;
	if (store.dir_fd >= 0 && store.lock_fd < 0)
		return error_set(err, CNI_ERR_UNAVAILABLE, ENOSPC,
				 "ipam.dataDir: there is no room for a file in %s; free "
				 "space, inodes or quota there",
				 store.path);
	next.ips.items = calloc(sets->n + 1, sizeof(*next.ips.items));
	if (!next.ips.items)
		return error_oom(err);
	ret = fresh ? 0 : network_store_index(&store, env, err);
	if (ret == 0)
		ret = room_check(fresh ? NULL : &store, sets, &next, err);
	if (ret == 0 && ret_next) {
		cni_result_clear(ret_next);
		*ret_next = next;
		next = (struct cni_result){};
	}
	return ret;
}
