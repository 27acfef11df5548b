/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod_signs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/base/list.h"
#include "plugin/netlink/ns_id.h"
#include "pod_ns.h"
#include "signs_found.h"

#define PATH_ROOM 300

void pod_signs_forget(struct node *node)
{
	signs_found_free(&node->signs);
}

/* NULL: out of memory. */
static struct signs_found *signs_get(struct node *node)
{
	struct signs_found *signs = node->signs;

	if (signs && (signs->lock != node->lock || signs->gaps != node->gaps))
		pod_signs_forget(node);
	if (!node->signs && (signs = calloc(1, sizeof(*signs)))) {
		signs->lock = node->lock;
		signs->gaps = node->gaps;
		node->signs = signs;
	}
	return node->signs;
}

bool pod_signs_mac(struct node *node, const struct mac_addr *mac)
{
	struct signs_found *signs = signs_get(node);

	if (signs && !signs->has_macs)
		signs->has_macs = fdb_served_get(node->rtnl, 0, &signs->macs, NULL) == 0;
	return !signs || !signs->has_macs || mac_list_has(&signs->macs, mac);
}

/* Adds the links of one namespace that share a master. */
static int shares_add(struct share_list *shares, const struct link_list *links, int ns_id)
{
	for (size_t i = 0; i < links->n; i++) {
		const struct link *link = &links->items[i];
		struct share *share;

		if (!link_is(link, "macvlan") && !link_is(link, "ipvlan"))
			continue;
		share = LIST_ADD(shares);
		if (!share)
			return -ENOMEM;
		share->link = *link;
		share->ns_id = ns_id;
		for (size_t k = 0; !link->peer_elsewhere && k < links->n; k++)
			if (links->items[k].index == link->peer)
				memcpy(share->master, links->items[k].name, IF_NAMESIZE);
	}
	return 0;
}

static int shares_find(struct netlink *nl, const struct ns_id_list *ids,
		       struct share_list *ret_shares)
{
	struct share_list shares = {};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ids->n; i++) {
		_cleanup_(link_list_clear) struct link_list links = {};

		ret = link_list_get_elsewhere(nl, ids->items[i], &links, NULL);
		/* The namespace has ended since the numbers were listed. */
		if (ret == -EINVAL)
			ret = 0;
		if (ret == 0)
			ret = shares_add(&shares, &links, ids->items[i]);
	}
	if (ret < 0)
		free(shares.items);
	else
		*ret_shares = shares;
	return ret;
}

const struct share_list *pod_signs_shares(struct node *node)
{
	_cleanup_(ns_id_list_clear) struct ns_id_list ids = {};
	struct signs_found *signs = signs_get(node);

	if (signs && !signs->has_shares)
		signs->has_shares = ns_id_list_get(node->rtnl, &ids, NULL) == 0 &&
				    shares_find(node->rtnl, &ids, &signs->shares) == 0;
	return signs && signs->has_shares ? &signs->shares : NULL;
}

bool pod_signs_alias(struct node *node, const char *alias)
{
	const struct share_list *shares = pod_signs_shares(node);

	for (size_t i = 0; shares && i < shares->n; i++)
		if (strcmp(shares->items[i].link.alias, alias) == 0)
			return true;
	return !shares;
}

static bool is_known(const struct signs_found *signs, ino_t inode)
{
	for (size_t i = 0; i < signs->processes.n; i++)
		if (signs->processes.items[i].inode == inode)
			return true;
	return false;
}

/* Has a process ended while it was looked at? */
static bool has_ended(int errnum)
{
	return errnum == ENOENT || errnum == ESRCH;
}

/* Notes the namespace at @path, which is a process's. Returns -errno: it can't be
 * told. */
static int process_note(const struct node *node, struct signs_found *signs,
			const char *path)
{
	_cleanup_(close_p) int fd = -1;
	struct process_ns *process;
	struct stat st;

	if (stat(path, &st) < 0)
		return has_ended(errno) ? 0 : -errno;
	if (is_known(signs, st.st_ino))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return has_ended(errno) ? 0 : -errno;
	process = LIST_ADD(&signs->processes);
	if (!process)
		return -ENOMEM;
	*process = (struct process_ns){st.st_ino, pod_ns_cookie(node, fd)};
	return process->cookie ? 0 : -EOPNOTSUPP;
}

static int processes_note(const struct node *node, struct signs_found *signs)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char path[PATH_ROOM];
	int ret = proc ? 0 : -errno;

	signs->processes.n = 0;
	while (ret == 0 && (errno = 0, entry = readdir(proc))) {
		/* Process 1 is in no pod, and on some machines nobody may look at it. */
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    strcmp(entry->d_name, "1") == 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", entry->d_name);
		ret = process_note(node, signs, path);
	}
	if (ret == 0)
		ret = -errno;
	if (proc)
		closedir(proc);
	return ret;
}

bool pod_signs_process(struct node *node, uint64_t cookie)
{
	struct signs_found *signs = signs_get(node);
	bool found = false;

	if (!signs || !cookie)
		return true;
	if (!signs->has_processes)
		signs->has_processes = processes_note(node, signs) == 0;
	for (size_t i = 0; i < signs->processes.n; i++)
		found = found || signs->processes.items[i].cookie == cookie;
	return found || !signs->has_processes;
}
