/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GC's question: which attachments hold something in a network's store? */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "conf/names.h"
#include "session.h"

/* Adds the holders of records of the bridge to @list, those of other bridges to @others. */
static int record_holders(struct store *store, const char *bridge,
			  struct ipam_holder_list *list, struct ipam_holder_list *others,
			  struct cni_error *err)
{
	_cleanup_(record_walk_end) struct record_walk walk = {};
	uint64_t hash;

	for (;;) {
		_cleanup_(record_clear) struct record record = {};
		int ret = store_record_next_read(store, &walk, &hash, &record, err);

		if (ret <= 0)
			return ret;
		if (ipam_holder_list_add(record_is_on(&record, bridge) ? list : others,
					 record.container_id, record.ifname) < 0)
			return error_oom(err);
	}
}

/* The holder that a reservation names, if that is one that DEL can be asked for. */
static int text_holder(const struct holder_text *text, struct ipam_holder_list *list)
{
	char holder[sizeof(text->text) + 1] = {};
	char *end;

	memcpy(holder, text->text, text->len);
	end = strstr(holder, "\r\n");
	if (!end)
		return 0; /* host-local's old format: whose interface, nobody knows */
	*end = '\0';
	if (!cni_name_valid(holder) || !ifname_valid(end + 2))
		return 0;
	return ipam_holder_list_add(list, holder, end + 2);
}

static int reservation_holders(struct store *store, struct ipam_holder_list *list,
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
		else if (read == 0 && text.len > 0 && text_holder(&text, list) < 0)
			ret = error_oom(err);
	}
	if (ret == 0 && errno)
		ret = store_file_error(store->path, NULL, errno, "list", err);
	closedir(dir);
	return ret;
}

static int holder_cmp(const void *a, const void *b)
{
	const struct ipam_holder *x = a, *y = b;
	int cmp = strcmp(x->container_id, y->container_id);

	return cmp ? cmp : strcmp(x->ifname, y->ifname);
}

/* Those with a record and a reservation, or several, were found as often. */
static void holders_unique(struct ipam_holder_list *list)
{
	size_t kept = 0;

	qsort(list->items, list->n, sizeof(*list->items), holder_cmp);
	for (size_t i = 0; i < list->n; i++) {
		if (kept && holder_cmp(&list->items[kept - 1], &list->items[i]) == 0) {
			free(list->items[i].container_id);
			free(list->items[i].ifname);
		} else {
			list->items[kept++] = list->items[i];
		}
	}
	list->n = kept;
}

int ipam_holders(const struct ipam_env *env, struct ipam_holder_list *ret_list,
		 struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list list = {}, others = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = session_open(env, STORE_EXISTING, &store, err);

	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	ret = record_holders(&store, env->bridge, &list, &others, err);
	/* A reservation doesn't say on which bridge: it may be of another one's pod. */
	if (ret == 0 && others.n == 0)
		ret = reservation_holders(&store, &list, err);
	if (ret < 0)
		return ret;
	if (list.n)
		holders_unique(&list);
	*ret_list = list;
	list = (struct ipam_holder_list){};
	return 0;
}

int ipam_is_shared(const struct ipam_env *env, bool *ret_shared, struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list list = {}, others = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret = session_open(env, STORE_EXISTING, &store, err);

	*ret_shared = false;
	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	ret = record_holders(&store, env->bridge, &list, &others, err);
	*ret_shared = others.n > 0;
	return ret;
}
