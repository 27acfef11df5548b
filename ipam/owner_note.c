/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes, reads and removes the notes of owners, and finds owners by notes, by records
 * and by gateway addresses. */
#include "owner_note.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "conf/base/list.h"
#include "conf/names.h"
#include "conf/network_note.h"
#include "conf/request.h"
#include "network_store.h"

#define NOTE_PREFIX   ".network-"
#define NOTE_NAME_MAX (sizeof(NOTE_PREFIX) + IF_NAMESIZE)
#define NOTE_MAX      (1 << 20) /* bytes: a configuration has no more */

static const char *note_name(const char *bridge, char name[NOTE_NAME_MAX])
{
	snprintf(name, NOTE_NAME_MAX, NOTE_PREFIX "%s", bridge);
	return name;
}

bool owner_note_is(const char *file, char ret_bridge[IF_NAMESIZE])
{
	const char *bridge = file + strlen(NOTE_PREFIX);

	if (strncmp(file, NOTE_PREFIX, strlen(NOTE_PREFIX)) != 0 ||
	    !switch_place_valid(bridge))
		return false;
	snprintf(ret_bridge, IF_NAMESIZE, "%.15s", bridge);
	return true;
}

/* Reads the note's text, which the caller frees. NULL: there is none. */
static char *note_read(const struct store *store, const char *bridge)
{
	_cleanup_(close_p) int fd = -1;
	_cleanup_(free_p) char *text = NULL;
	char name[NOTE_NAME_MAX];
	struct stat st;
	ssize_t n;

	fd = openat(store->own_fd, note_name(bridge, name), O_RDONLY | STORE_OPEN_FLAGS);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > NOTE_MAX)
		return NULL;
	text = calloc(1, (size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	return n == st.st_size ? TAKE_PTR(text) : NULL;
}

/* Two paths may lead to one directory. */
static bool is_same_directory(const char *one, const char *other)
{
	struct stat first, second;

	return strcmp(one, other) == 0 ||
	       (stat(one, &first) == 0 && stat(other, &second) == 0 &&
		first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

/* Is the text a configuration of this owner? A power cut may have cut it off, a newer
 * version may have written it, and somebody may have copied or moved it here. */
static bool is_note_of(const char *text, const struct ipam_env *env, const char *bridge)
{
	const struct cni_env cleanup = {
		.verb = CNI_CLEANUP,
		.container_id = "",
		.netns = "",
		.ifname = "",
		.path = "",
	};
	_cleanup_(request_clear) struct request request = {};
	const struct network *network = &request.network;
	enum cni_version version;

	return request_read(text, strlen(text), &cleanup, &request, &version, NULL,
			    NULL) == 0 &&
	       strcmp(network->name, env->network) == 0 &&
	       strcmp(network->bridge, bridge) == 0 &&
	       is_same_directory(network->ipam.data_dir, env->data_dir);
}

void owner_note_write(const struct store *store, const char *bridge,
		      const struct network *network)
{
	_cleanup_(free_p) char *text = network_note_of(network), *old = NULL;
	char name[NOTE_NAME_MAX];

	if (!text || store->own_fd < 0)
		return;
	old = note_read(store, bridge);
	if (!old || strcmp(old, text) != 0)
		(void)store_file_write(store, note_name(bridge, name), text, NULL);
}

/* Hands the bridge of each note to @fn, and returns what that returns unless 0. Code
 * 5. */
static int note_each(const struct store *store,
		     int (*fn)(const struct store *store, const char *bridge, void *data),
		     void *data, struct cni_error *err)
{
	int fd = openat(store->own_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char bridge[IF_NAMESIZE];
	int ret = 0;

	if (!dir) {
		ret = store_file_error(store->own_path, NULL, errno, "list", err);
		close_p(&fd);
		return ret;
	}
	while (ret == 0 && (entry = readdir(dir)))
		if (owner_note_is(entry->d_name, bridge))
			ret = fn(store, bridge, data);
	closedir(dir);
	return ret == -ENOMEM ? error_oom(err) : ret;
}

void ipam_note_owner(const struct ipam_env *env, const struct network *network)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;

	if (network_store_open(env, STORE_EXISTING, &store, NULL) == 0)
		owner_note_write(&store, env->bridge, network);
}

bool ipam_forget_owner(const struct ipam_env *env)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	char name[NOTE_NAME_MAX];

	return network_store_open(env, STORE_EXISTING, &store, NULL) == 0 &&
	       store.own_fd >= 0 &&
	       unlinkat(store.own_fd, note_name(env->bridge, name), 0) == 0;
}

#define OTHER_FOUND 1 /* @ret_bridge is filled in */

struct other {
	const char *bridge;
	char *ret_bridge;
};

static int other_recorded(struct record *record, uint64_t holder, void *data,
			  struct cni_error *err)
{
	const struct other *other = data;

	(void)holder, (void)err;
	if (record_is_on(record, other->bridge))
		return 0;
	snprintf(other->ret_bridge, IF_NAMESIZE, "%.15s", record->bridge);
	return OTHER_FOUND;
}

static int other_noted(const struct store *store, const char *bridge, void *data)
{
	const struct other *other = data;

	(void)store;
	if (strcmp(bridge, other->bridge) == 0)
		return 0;
	snprintf(other->ret_bridge, IF_NAMESIZE, "%s", bridge);
	return OTHER_FOUND;
}

int ipam_other_bridge(const struct ipam_env *env, char ret_bridge[IF_NAMESIZE],
		      struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct other other = {env->bridge, ret_bridge};
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	ret_bridge[0] = '\0';
	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	ret = store_record_each(&store, other_recorded, &other, err);
	if (ret == 0 && store.own_fd >= 0)
		ret = note_each(&store, other_noted, &other, err);
	return ret < 0 ? ret : 0;
}

void ipam_owner_list_clear(struct ipam_owner_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].note);
	free(list->items);
	*list = (struct ipam_owner_list){};
}

struct ipam_owner *owner_list_add(struct ipam_owner_list *list, const char *ifname)
{
	struct ipam_owner *owner;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i].ifname, ifname) == 0)
			return &list->items[i];
	owner = LIST_ADD(list);
	if (owner)
		snprintf(owner->ifname, IF_NAMESIZE, "%s", ifname);
	return owner;
}

struct noted {
	const struct ipam_env *env;
	struct ipam_owner_list *list;
};

static int noted_add(const struct store *store, const char *bridge, void *data)
{
	const struct noted *noted = data;
	struct ipam_owner *owner = owner_list_add(noted->list, bridge);
	_cleanup_(free_p) char *text = NULL;

	if (!owner)
		return -ENOMEM;
	text = note_read(store, bridge);
	if (text && is_note_of(text, noted->env, bridge))
		owner->note = TAKE_PTR(text);
	return 0;
}

static int recorded_add(struct record *record, uint64_t holder, void *data,
			struct cni_error *err)
{
	struct ipam_owner_list *list = data;

	(void)holder;
	list->has_records = true;
	if (!switch_place_valid(record->bridge))
		return 0;
	return owner_list_add(list, record->bridge) ? 0 : error_oom(err);
}

int ipam_owners(const struct ipam_env *env, struct ipam_owner_list *ret_list,
		struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list list = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct noted noted = {env, &list};
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	if (store.own_fd >= 0)
		ret = note_each(&store, noted_add, &noted, err);
	if (ret == 0)
		ret = store_record_each(&store, recorded_add, &list, err);
	if (ret == 0)
		ret = owner_gateways_add(&store, &list, err);
	if (ret < 0)
		return ret;
	*ret_list = list;
	list = (struct ipam_owner_list){};
	return 0;
}
