/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GC's question: which attachments hold something in a network's store? */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "conf/names.h"
#include "session.h"

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

int ipam_owners(const struct ipam_env *env, struct ipam_owner_list *ret_list,
		struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list list = {}, others = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int r = session_open(env, STORE_EXISTING, &store, err);

	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	r = record_owners(&store, env->bridge, &list, &others, err);
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

int ipam_is_shared(const struct ipam_env *env, bool *ret_shared, struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list list = {}, others = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int r = session_open(env, STORE_EXISTING, &store, err);

	*ret_shared = false;
	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	r = record_owners(&store, env->bridge, &list, &others, err);
	*ret_shared = others.n > 0;
	return r;
}
