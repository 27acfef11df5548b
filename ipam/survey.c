/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about a network's store as a whole: who is in it (GC), is there room (STATUS). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "allocator.h"
#include "session.h"

int ipam_recorded(struct attachment *att, struct record *ret_record,
		  struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int r = operation_open(att, STORE_EXISTING, &store, err);

	if (r < 0)
		return r;
	r = operation_record(&store, att, &record, err);
	if (err->code)
		return r;
	if (r < 0 || !record_is_of(&record, att->conf.name, att->env.container_id,
				   att->env.ifname))
		return -ENOENT;
	*ret_record = record;
	record = (struct record){};
	return 0;
}

void ipam_record_list_clear(struct ipam_record_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		record_clear(&list->items[i]);
	free(list->items);
	*list = (struct ipam_record_list){};
}

static bool is_connected(const struct attachment *att, const struct record *record)
{
	const struct ipam_kernel *kernel = att->kernel;

	return !record->coming && !record->going &&
	       strcmp(record->network, att->conf.name) == 0 &&
	       record_is_on(record, att->conf.bridge) && kernel &&
	       kernel->has_interface && kernel->has_interface(kernel, record);
}

static int newest_first(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	const struct file_mark *first = x->n ? &x->addresses[0].mark : NULL;
	const struct file_mark *second = y->n ? &y->addresses[0].mark : NULL;

	if (!first || !second)
		return !first - !second;
	if (first->mtime_sec != second->mtime_sec)
		return first->mtime_sec < second->mtime_sec ? 1 : -1;
	return (first->mtime_nsec < second->mtime_nsec) -
	       (first->mtime_nsec > second->mtime_nsec);
}

static int records_read(struct attachment *att, struct ipam_record_list *list,
			struct cni_error *err)
{
	_cleanup_(record_walk_end) struct record_walk walk = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	uint64_t hash;
	int r = operation_open(att, STORE_EXISTING, &store, err);

	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	for (;;) {
		_cleanup_(record_clear) struct record record = {};
		struct record *grown;

		r = store_record_next_read(&store, &walk, &hash, &record, err);
		if (r <= 0)
			return r;
		if (!is_connected(att, &record))
			continue;
		grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
		if (!grown)
			return error_oom(err);
		list->items = grown;
		grown[list->n++] = record;
		record = (struct record){};
	}
}

int ipam_connected(struct attachment *att, struct ipam_record_list *ret_list,
		   struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list list = {};
	int r = records_read(att, &list, err);

	if (r < 0)
		return r;
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), newest_first);
	*ret_list = list;
	list = (struct ipam_record_list){};
	return 0;
}

int ipam_records(struct attachment *att,
		 int (*fn)(const struct record *record, void *data,
			   struct cni_error *err),
		 void *data, struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list list = {};
	int r = ipam_connected(att, &list, err);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = fn(&list.items[i], data, err);
	return r;
}

/* Adds the owners of records of the bridge to @list, those of other bridges to @others. */
static int record_owners(struct store *store, const char *bridge,
			 struct ipam_owner_list *list, struct ipam_owner_list *others,
			 struct cni_error *err)
{
	_cleanup_(record_walk_end) struct record_walk walk = {};
	uint64_t hash;

	for (;;) {
		_cleanup_(record_clear) struct record record = {};
		int r = store_record_next_read(store, &walk, &hash, &record, err);

		if (r <= 0)
			return r;
		if (ipam_owner_list_add(record_is_on(&record, bridge) ? list : others,
					record.container_id, record.ifname) < 0)
			return error_oom(err);
	}
}

/* The owner that a reservation names, if that is one that DEL can be asked for. */
static int text_owner(const struct owner_text *text, struct ipam_owner_list *list)
{
	char owner[sizeof(text->text) + 1] = {};
	char *end;

	memcpy(owner, text->text, text->len);
	end = strstr(owner, "\r\n");
	if (!end)
		return 0; /* host-local's old format: whose interface, nobody knows */
	*end = '\0';
	if (!cni_name_valid(owner) || !ifname_valid(end + 2))
		return 0;
	return ipam_owner_list_add(list, owner, end + 2);
}

static int reservation_owners(struct store *store, struct ipam_owner_list *list,
			      struct cni_error *err)
{
	int fd = store->dir_fd < 0 ? -1
				   : openat(store->dir_fd, ".", O_RDONLY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (store->dir_fd < 0)
		return 0;
	if (!dir) {
		close_p(&fd);
		return store_file_error(store->path, NULL, errno, "read", err);
	}
	while (r == 0 && (errno = 0, entry = readdir(dir))) {
		struct owner_text text;
		struct ip_addr ip;
		int read;

		if (ip_parse(entry->d_name, &ip) < 0)
			continue;
		read = store_owner_of(store, &ip, &text);
		if (read < 0 && read != -ENOENT && read != -EFBIG)
			r = store_file_error(store->path, IP_TEXT(&ip), -read, "read",
					     err);
		else if (read == 0 && text.len > 0 && text_owner(&text, list) < 0)
			r = error_oom(err);
	}
	if (r == 0 && errno)
		r = store_file_error(store->path, NULL, errno, "list", err);
	closedir(dir);
	return r;
}

static int owner_cmp(const void *a, const void *b)
{
	const struct ipam_owner *x = a, *y = b;
	int cmp = strcmp(x->container_id, y->container_id);

	return cmp ? cmp : strcmp(x->ifname, y->ifname);
}

/* Those with a record and a reservation, or several, were found as often. */
static void owners_unique(struct ipam_owner_list *list)
{
	size_t kept = 0;

	qsort(list->items, list->n, sizeof(*list->items), owner_cmp);
	for (size_t i = 0; i < list->n; i++) {
		if (kept && owner_cmp(&list->items[kept - 1], &list->items[i]) == 0) {
			free(list->items[i].container_id);
			free(list->items[i].ifname);
		} else {
			list->items[kept++] = list->items[i];
		}
	}
	list->n = kept;
}

int ipam_owners(struct attachment *att, struct ipam_owner_list *ret_list,
		struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list list = {}, others = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int r = operation_open(att, STORE_EXISTING, &store, err);

	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	r = record_owners(&store, att->conf.bridge, &list, &others, err);
	/* A reservation doesn't say on which bridge: it may be of another one's pod. */
	if (r == 0 && others.n == 0)
		r = reservation_owners(&store, &list, err);
	if (r < 0)
		return r;
	if (list.n)
		owners_unique(&list);
	*ret_list = list;
	list = (struct ipam_owner_list){};
	return 0;
}

int ipam_is_shared(struct attachment *att, bool *ret_shared, struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list list = {}, others = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int r = operation_open(att, STORE_EXISTING, &store, err);

	*ret_shared = false;
	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	r = record_owners(&store, att->conf.bridge, &list, &others, err);
	*ret_shared = others.n > 0;
	return r;
}

/* dataDir, or the nearest directory above it that is there: what ADD would begin with. */
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

/* The range of the next address; of several that which host-local's order comes to. */
static int next_range(struct store *store, const struct range_set_list *sets, size_t set,
		      const struct ip_range **ret_range, struct cni_error *err)
{
	_cleanup_(last_close) struct last_file last = LAST_CLOSED;
	struct ip_addr ip;
	int r;

	if (sets->items[set].n > 1)
		store_last_get(store, set, &last);
	r = allocator_next(store, sets, set, &last.ip, &ip, err);
	if (r == 0)
		*ret_range = range_set_find(&sets->items[set], &ip);
	return r;
}

/* As far as its first 256 addresses tell, which is one look into the table. */
static bool is_unused(struct store *store, const struct ip_range *range)
{
	struct ip_addr to = range->start;

	to.bytes[ip_size(to.family) - 1] = 0xff;
	if (ip_cmp(&to, &range->end) > 0)
		to = range->end;
	return table_count(&store->table, &range->start, &to) == 0;
}

/* @store: NULL, where there is none yet. */
static int room_check(struct store *store, const struct range_set_list *sets,
		      struct cni_result *next, struct cni_error *err)
{
	for (size_t i = 0; i < sets->n; i++) {
		const struct ip_range *range = &sets->items[i].ranges[0];
		int r = store ? next_range(store, sets, i, &range, err) : 0;

		if (r == -EADDRNOTAVAIL)
			err->code = CNI_ERR_EXHAUSTED;
		if (r < 0)
			return r;
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

int ipam_room(struct attachment *att, struct cni_result *ret_next, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(cni_result_clear) struct cni_result next = {};
	const struct range_set_list *sets = &att->conf.ipam.sets;
	bool fresh;
	int r = data_dir_check(att->conf.ipam.data_dir, err);

	if (r == 0)
		r = operation_open(att, STORE_EXISTING, &store, err);
	fresh = r == -ENOENT && err->code == 0;
	if (r < 0 && !fresh)
		return r;
	if (store.dir_fd >= 0 && store.lock_fd < 0)
		return error_set(err, CNI_ERR_UNAVAILABLE, ENOSPC,
				 "ipam.dataDir: there is no room for a file in %s; free "
				 "space, inodes or quota there",
				 store.path);
	next.ips.items = calloc(sets->n + 1, sizeof(*next.ips.items));
	if (!next.ips.items)
		return error_oom(err);
	r = fresh ? 0 : operation_index(&store, att, err);
	if (r == 0)
		r = room_check(fresh ? NULL : &store, sets, &next, err);
	if (r == 0 && ret_next) {
		cni_result_clear(ret_next);
		*ret_next = next;
		next = (struct cni_result){};
	}
	return r;
}
