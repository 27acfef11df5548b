/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway addresses that a network has given to bridges: the file "gateways" among
 * its records has a line "BRIDGE ADDRESS/LENGTH" for each. So, when the network's range
 * has changed, its old address can be told from somebody else's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "conf/names.h"
#include "network_store.h"
#include "owner_note.h"

#define GATEWAYS_MAX 4096 /* bytes: the newest lines stay */

static void line_format(const char *bridge, const struct ip_prefix *address, char *line,
			size_t size)
{
	snprintf(line, size, "%s %s\n", bridge, PREFIX_TEXT(address));
}

/* Reads the file's text; "" where there is no file. */
static int file_read(const struct store *store, char text[GATEWAYS_MAX + 1],
		     struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;
	ssize_t n;

	text[0] = '\0';
	if (store->own_fd < 0)
		return 0;
	fd = openat(store->own_fd, STORE_GATEWAYS, O_RDONLY | STORE_OPEN_FLAGS);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		return 0;
	n = fd < 0 ? -1 : read(fd, text, GATEWAYS_MAX);
	if (n < 0)
		return store_file_error(store->own_path, STORE_GATEWAYS, errno, "read",
					err);
	text[n] = '\0';
	return 0;
}

static bool has_line(const char *text, const char *line)
{
	const char *found = strstr(text, line);

	return found && (found == text || found[-1] == '\n');
}

static int file_write(const struct store *store, const char *line, const char *text,
		      struct cni_error *err)
{
	char whole[GATEWAYS_MAX];
	int len = snprintf(whole, sizeof(whole), "%s%s", line, text);

	if (len >= (int)sizeof(whole)) {
		whole[sizeof(whole) - 1] = '\0';
		*strrchr(whole, '\n') = '\0';
		strcat(whole, "\n");
	}
	return store_file_write(store, STORE_GATEWAYS, whole, err);
}

int ipam_gateway_add(const struct ipam_env *env, const char *bridge,
		     const struct ip_prefix *address, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	char text[GATEWAYS_MAX + 1], line[IF_NAMESIZE + PREFIX_TEXT_MAX + 2];
	int ret = network_store_open(env, STORE_RECORDS, &store, err);

	if (ret < 0)
		return ret;
	line_format(bridge, address, line, sizeof(line));
	ret = file_read(&store, text, err);
	return ret < 0 || has_line(text, line) ? ret
					       : file_write(&store, line, text, err);
}

int ipam_gateway_remove(const struct ipam_env *env, const char *bridge,
			const struct ip_prefix *address, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	char text[GATEWAYS_MAX + 1], line[IF_NAMESIZE + PREFIX_TEXT_MAX + 2], *at = text;
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	line_format(bridge, address, line, sizeof(line));
	ret = file_read(&store, text, err);
	if (ret < 0 || !has_line(text, line))
		return ret;
	while ((at = strstr(at, line)) != text && at[-1] != '\n')
		at++;
	memmove(at, at + strlen(line), strlen(at + strlen(line)) + 1);
	return file_write(&store, "", text, err);
}

bool ipam_gateway_is_ours(const struct ipam_env *env, const char *bridge,
			  const struct ip_prefix *address)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	char text[GATEWAYS_MAX + 1], line[IF_NAMESIZE + PREFIX_TEXT_MAX + 2];

	if (network_store_open(env, STORE_EXISTING, &store, NULL) != 0)
		return false;
	line_format(bridge, address, line, sizeof(line));
	return file_read(&store, text, NULL) == 0 && has_line(text, line);
}

int owner_gateways_add(const struct store *store, struct ipam_owner_list *list,
		       struct cni_error *err)
{
	char text[GATEWAYS_MAX + 1], *rest = NULL;
	int ret = file_read(store, text, err);

	for (char *line = strtok_r(text, "\n", &rest); ret == 0 && line;
	     line = strtok_r(NULL, "\n", &rest)) {
		size_t n = list->n;
		struct ipam_owner *owner;

		line[strcspn(line, " ")] = '\0';
		if (!ifname_valid(line))
			continue;
		owner = owner_list_add(list, line);
		if (!owner)
			ret = error_oom(err);
		else if (list->n > n)
			owner->is_gateway = true;
	}
	return ret;
}
