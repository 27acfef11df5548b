/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the attachments that have a record or a reservation in a network's store, for
 * GC. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "conf/names.h"
#include "network_store.h"

struct search {
	const char *bridge;
	struct ipam_holder_list list;
	bool is_shared; /* another bridge has records in the store */
};

static int recorded_add(struct record *record, uint64_t holder, void *data,
			struct cni_error *err)
{
	struct search *search = data;

	(void)holder;
	if (!record_is_on(record, search->bridge))
		search->is_shared = true;
	else if (ipam_holder_list_add(&search->list, record->container_id, record->ifname,
				      record->pod) < 0)
		return error_oom(err);
	return 0;
}

/* Adds the holder that a reservation names, if a DEL can be asked for with its names. */
static int named_add(const struct holder_text *text, struct ipam_holder_list *list)
{
	char holder[sizeof(text->text) + 1] = {};
	char *end;

	memcpy(holder, text->text, text->len);
	end = strstr(holder, "\r\n");
	if (!end)
		return 0; /* host-local's old format doesn't name the interface */
	*end = '\0';
	if (!cni_name_valid(holder) || !ifname_valid(end + 2))
		return 0;
	return ipam_holder_list_add(list, holder, end + 2, "");
}

static int reserved_add(struct store *store, struct ipam_holder_list *list,
			struct cni_error *err)
{
	int fd = store->dir_fd < 0 ? -1
				   : openat(store->dir_fd, ".", O_RDONLY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int ret = 0;

	if (store->dir_fd < 0)
		return 0;
	if (!dir) {
		close_p(&fd);
		return store_file_error(store->path, NULL, errno, "read", err);
	}
	while (ret == 0 && (errno = 0, entry = readdir(dir))) {
		struct holder_text text;
		struct ip_addr ip;
		int read;

		if (ip_parse(entry->d_name, &ip) < 0)
			continue;
		read = store_holder_of(store, &ip, &text);
		if (read < 0 && read != -ENOENT && read != -EFBIG)
			ret = store_file_error(store->path, IP_TEXT(&ip), -read, "read",
					       err);
		else if (read == 0 && text.len > 0 && named_add(&text, list) < 0)
			ret = error_oom(err);
	}
	if (ret == 0 && errno)
		ret = store_file_error(store->path, NULL, errno, "list", err);
	closedir(dir);
	return ret;
}

static bool is_same(const struct ipam_holder *a, const struct ipam_holder *b)
{
	return strcmp(a->container_id, b->container_id) == 0 &&
	       strcmp(a->ifname, b->ifname) == 0;
}

/* A record, which may say the pod's name, comes before reservations of the same
 * holder. */
static int holder_cmp(const void *a, const void *b)
{
	const struct ipam_holder *x = a, *y = b;
	int cmp = strcmp(x->container_id, y->container_id);

	if (cmp == 0)
		cmp = strcmp(x->ifname, y->ifname);
	return cmp ? cmp : strcmp(y->pod, x->pod);
}

/* A holder that has a record and reservations was found several times, and stays once. */
static void holders_unique(struct ipam_holder_list *list)
{
	size_t kept = 0;

	qsort(list->items, list->n, sizeof(*list->items), holder_cmp);
	for (size_t i = 0; i < list->n; i++) {
		if (kept && is_same(&list->items[kept - 1], &list->items[i])) {
			free(list->items[i].container_id);
			free(list->items[i].ifname);
			free(list->items[i].pod);
		} else {
			list->items[kept++] = list->items[i];
		}
	}
	list->n = kept;
}

static void search_clear(struct search *search)
{
	ipam_holder_list_clear(&search->list);
}

int ipam_holders(const struct ipam_env *env, struct ipam_holder_list *ret_list,
		 struct cni_error *err)
{
	_cleanup_(search_clear) struct search search = {.bridge = env->bridge};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	ret = store_record_each(&store, recorded_add, &search, err);
	/* A reservation doesn't say on which bridge its pod is. */
	if (ret == 0 && !search.is_shared)
		ret = reserved_add(&store, &search.list, err);
	if (ret < 0)
		return ret;
	if (search.list.n)
		holders_unique(&search.list);
	*ret_list = search.list;
	search.list = (struct ipam_holder_list){};
	return 0;
}
