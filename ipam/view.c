/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads records and reservations without the lock, and holds them against each other. */
#include "view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "conf/base/list.h"
#include "ipam/store/store.h"

/* An address that a record names, of an owner's record (@record) or of another's. */
struct named {
	struct ip_addr ip;
	struct file_mark mark;
	size_t record; /* NO_RECORD: of another owner's */
};
#define NO_RECORD ((size_t)-1)

struct named_list {
	struct named *items;
	size_t n;
};

struct reading {
	const struct ipam_env *env;
	struct store store;
	struct named_list named;
	struct ipam_view view;
};

static void reading_clear(struct reading *reading)
{
	store_close(&reading->store);
	free(reading->named.items);
	ipam_view_clear(&reading->view);
}

void ipam_view_clear(struct ipam_view *view)
{
	for (size_t i = 0; i < view->records.n; i++)
		record_clear(&view->records.items[i].record);
	for (size_t i = 0; i < view->others.n; i++) {
		free(view->others.items[i].container_id);
		free(view->others.items[i].ifname);
	}
	free(view->records.items);
	free(view->reserved.items);
	free(view->others.items);
	*view = (struct ipam_view){};
}

/* ---- The records ---- */

static int named_add(struct reading *reading, const struct record *record, size_t number)
{
	for (size_t i = 0; i < record->n; i++) {
		struct named *named;

		if (!record->addresses[i].reserved)
			continue;
		named = LIST_ADD(&reading->named);
		if (!named)
			return -ENOMEM;
		*named = (struct named){record->addresses[i].address.addr,
					record->addresses[i].mark, number};
	}
	return 0;
}

/* Says since when there is the attachment: since its first reservation or, without one,
 * since its record was last written. */
static int64_t since_when(const struct store *store, uint64_t holder,
			  const struct record *record)
{
	char name[RECORD_NAME_MAX];
	struct stat st;

	for (size_t i = 0; i < record->n; i++)
		if (record->addresses[i].reserved)
			return record->addresses[i].mark.mtime_sec;
	if (fstatat(store->own_fd, record_name(holder, name), &st, AT_SYMLINK_NOFOLLOW) <
	    0)
		return 0;
	return st.st_mtim.tv_sec;
}

/* Moves the record into the view. */
static int record_add(struct reading *reading, uint64_t holder, struct record *record)
{
	struct ipam_view *view = &reading->view;
	struct ipam_view_record *added;

	if (strcmp(record->network, reading->env->network) != 0 ||
	    !record_is_on(record, reading->env->bridge)) {
		view->of_other_bridges++;
		return named_add(reading, record, NO_RECORD);
	}
	added = LIST_ADD(&view->records);
	if (!added)
		return -ENOMEM;
	added->record = *record;
	*record = (struct record){};
	added->since = since_when(&reading->store, holder, &added->record);
	return named_add(reading, &added->record, view->records.n - 1);
}

static int records_read(struct reading *reading)
{
	_cleanup_(record_walk_end) struct record_walk walk = {};
	struct ipam_view *view = &reading->view;
	uint64_t holder;
	int ret;

	view->records_errnum = reading->store.own_errnum;
	while ((ret = store_record_next(&reading->store, &walk, &holder, NULL)) ==
	       STORE_NEXT) {
		_cleanup_(record_clear) struct record record = {};

		ret = store_record_read(&reading->store, holder, &record);
		if (ret == 0)
			ret = record_add(reading, holder, &record);
		else if (ret == -EBADMSG)
			view->torn++;
		else if (ret == -ENOTSUP)
			view->newer++;
		else if (ret != -ENOENT && ret != -ENOMEM)
			view->unreadable++;
		if (ret == -ENOMEM)
			return ret;
	}
	if (ret < 0)
		view->records_errnum = -ret;
	return 0;
}

/* ---- The reservations ---- */

static int named_cmp(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return ip_cmp(&x->ip, &y->ip);
}

static const struct named *named_find(const struct named_list *list,
				      const struct ip_addr *ip)
{
	const struct named key = {.ip = *ip};

	return list->n ? bsearch(&key, list->items, list->n, sizeof(key), named_cmp)
		       : NULL;
}

/* The owner's record whose attachment the reservation's text names; NULL: none. */
static struct ipam_view_record *holder_find(struct ipam_view *view,
					    const struct holder_text *text)
{
	for (size_t i = 0; i < view->records.n; i++) {
		const struct record *record = &view->records.items[i].record;
		const struct holder holder = {record->container_id, record->ifname};

		if (holder_match(text, &holder) != HOLDER_OTHER)
			return &view->records.items[i];
	}
	return NULL;
}

/* Adds a reservation of somebody who has no record here. */
static int other_add(struct ipam_view *view, const struct ip_addr *ip,
		     const struct holder_text *text, int64_t since)
{
	const char *end = memmem(text->text, text->len, "\r\n", 2);
	size_t len = end ? (size_t)(end - text->text) : text->len;
	struct ipam_view_other *other = LIST_ADD(&view->others);

	if (!other)
		return -ENOMEM;
	other->ip = *ip;
	other->since = since;
	other->container_id = strndup(text->text, len);
	other->ifname = end ? strndup(end + 2, text->len - len - 2) : strdup("");
	return other->container_id && other->ifname ? 0 : -ENOMEM;
}

/* Says whose a reservation is that no record names by its mark. */
static int unnamed_add(struct reading *reading, const struct ip_addr *ip,
		       const struct named *named, int64_t since)
{
	struct ipam_view *view = &reading->view;
	struct holder_text text = {};
	struct ipam_view_record *holder;

	if (view->others_n >= IPAM_VIEW_NAMED) {
		view->others_n++;
		return 0;
	}
	if (store_holder_of(&reading->store, ip, &text) == -ENOENT)
		return 0;
	holder = holder_find(view, &text);
	if (!holder) {
		view->others_n++;
		return other_add(view, ip, &text, since);
	}
	holder->held++;
	/* Somebody has rewritten the file, or the record never named it. */
	if (!named || named->record == NO_RECORD ||
	    &view->records.items[named->record] != holder)
		holder->uncovered = true;
	return 0;
}

static int reservation_add(struct reading *reading, const char *name)
{
	struct ipam_view *view = &reading->view;
	const struct named *named;
	struct ip_addr ip, *reserved;
	struct file_mark mark;
	struct stat st;

	if (ip_parse(name, &ip) < 0 ||
	    fstatat(reading->store.dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	mark = file_mark_of(&st);
	reserved = LIST_ADD(&view->reserved);
	if (!reserved)
		return -ENOMEM;
	*reserved = ip;
	named = named_find(&reading->named, &ip);
	if (!named || !file_mark_equal(&named->mark, &mark))
		return unnamed_add(reading, &ip, named, st.st_mtim.tv_sec);
	if (named->record != NO_RECORD)
		view->records.items[named->record].held++;
	return 0;
}

static int ip_order(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

static int other_order(const void *a, const void *b)
{
	const struct ipam_view_other *x = a, *y = b;

	return ip_cmp(&x->ip, &y->ip);
}

static int reservations_read(struct reading *reading)
{
	struct ipam_view *view = &reading->view;
	int fd = reading->store.dir_fd < 0
			 ? -1
			 : openat(reading->store.dir_fd, ".", O_RDONLY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int ret = 0;

	if (!dir) {
		if (reading->store.dir_fd >= 0)
			view->reservations_errnum = errno;
		close_p(&fd);
		return 0;
	}
	if (reading->named.n)
		qsort(reading->named.items, reading->named.n,
		      sizeof(*reading->named.items), named_cmp);
	while (ret == 0 && (errno = 0, entry = readdir(dir)))
		ret = reservation_add(reading, entry->d_name);
	if (ret == 0)
		view->reservations_errnum = errno;
	closedir(dir);
	if (view->reserved.n)
		qsort(view->reserved.items, view->reserved.n,
		      sizeof(*view->reserved.items), ip_order);
	if (view->others.n)
		qsort(view->others.items, view->others.n, sizeof(*view->others.items),
		      other_order);
	return ret;
}

/* The first place whose address is not before @ip, or is behind it (@behind). */
static size_t place_of(const struct ipam_view *view, const struct ip_addr *ip,
		       bool behind)
{
	size_t low = 0, high = view->reserved.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int cmp = ip_cmp(&view->reserved.items[middle], ip);

		if (cmp < 0 || (behind && cmp == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t ipam_view_count(const struct ipam_view *view, const struct ip_addr *from,
		       const struct ip_addr *to)
{
	size_t first = place_of(view, from, false), end = place_of(view, to, true);

	return end > first ? end - first : 0;
}

/* Judges the attachments, and forgets those whose DEL has ended since their record was
 * read. */
static void records_judge(struct reading *reading)
{
	struct ipam_view *view = &reading->view;
	size_t kept = 0;

	for (size_t i = 0; i < view->records.n; i++) {
		struct ipam_view_record *item = &view->records.items[i];

		item->state = view_state(&reading->store, reading->env, &item->record,
					 &(struct view_reservations){
						 .seen = !view->reservations_errnum,
						 .covers = !item->uncovered,
						 .holds = item->held > 0,
					 });
		if (item->state != IPAM_VIEW_CONNECTED &&
		    view_record_is_gone(&reading->store, &item->record))
			record_clear(&item->record);
		else
			view->records.items[kept++] = *item;
	}
	view->records.n = kept;
}

int ipam_view(const struct ipam_env *env, struct ipam_view *ret_view,
	      struct cni_error *err)
{
	_cleanup_(reading_clear) struct reading reading = {env, STORE_CLOSED, {}, {}};
	struct ipam_view *view = &reading.view;
	int ret = store_open(env->data_dir, env->network, STORE_LOOK, 0, &reading.store,
			     NULL);

	if (ret == -ENOMEM)
		return error_oom(err);
	if (ret < 0)
		view->records_errnum = view->reservations_errnum = -ret;
	if (ret == 0)
		ret = records_read(&reading);
	if (ret == 0)
		ret = reservations_read(&reading);
	if (ret == -ENOMEM)
		return error_oom(err);
	records_judge(&reading);
	*ret_view = *view;
	*view = (struct ipam_view){};
	return 0;
}
