/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads table nat of iptables-legacy by the getsockopt() that iptables-legacy itself
 * uses. */
#include "iptables_legacy.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/util.h"

#define TABLE	  "nat"
#define TRIES_MAX 8 /* a table may grow between asking for its size and reading it */

/* The structures of both families are laid out alike. */
/* NOLINTBEGIN(misc-redundant-expression): that is what is asserted */
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO &&
		       IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES &&
		       sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries),
	       "ip_tables and ip6_tables differ");
/* NOLINTEND(misc-redundant-expression) */

/* Asking for a table makes the kernel set it up, so look first whether it has. */
static bool table_exists(int family)
{
	const char *path = family == AF_INET ? "/proc/net/ip_tables_names"
					     : "/proc/net/ip6_tables_names";
	FILE *file = fopen(path, "re");
	char line[XT_TABLE_MAXNAMELEN + 1];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = strcmp(line, TABLE "\n") == 0;
	fclose(file);
	return found;
}

/* Returns 1 or 0: the chain is there or not; or -errno. A chain's name stands in its
 * first entry and nowhere else, since rules refer to a chain by its offset. */
static int table_search(int fd, int level, const char *chain)
{
	_cleanup_(free_p) struct ipt_get_entries *entries = NULL;
	struct ipt_getinfo info = {.name = TABLE};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0)
		return -errno;
	len = sizeof(*entries) + info.size;
	entries = calloc(1, len);
	if (!entries)
		return -ENOMEM;
	strcpy(entries->name, TABLE);
	entries->size = info.size;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, entries, &len) < 0)
		return -errno;
	return memmem(entries->entrytable, info.size, chain, strlen(chain) + 1) != NULL;
}

bool iptables_legacy_has_chain(int family, const char *chain)
{
	_cleanup_(close_p) int fd = -1;
	int ret = -EAGAIN;

	if (!table_exists(family))
		return false;
	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		return true;
	for (int i = 0; i < TRIES_MAX && ret == -EAGAIN; i++)
		ret = table_search(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
				   chain);
	return ret != 0;
}
