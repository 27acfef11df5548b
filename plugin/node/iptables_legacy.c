/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads tables of iptables-legacy by the getsockopt() that iptables-legacy itself
 * uses. */
#include "iptables_legacy.h"

#include <errno.h>
#include <arpa/inet.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/util.h"
#include "iptables_legacy_table.h"
#include "plugin/netlink/chain_names.h"

#define TRIES_MAX 8 /* a table may grow between asking for its size and reading it */

/* The structures of both families are laid out alike. */
/* NOLINTBEGIN(misc-redundant-expression): that is what is asserted */
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO &&
		       IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES &&
		       sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries),
	       "ip_tables and ip6_tables differ");
/* NOLINTEND(misc-redundant-expression) */

bool legacy_table_exists(int family, const char *table)
{
	const char *path = family == AF_INET ? "/proc/net/ip_tables_names"
					     : "/proc/net/ip6_tables_names";
	FILE *file = fopen(path, "re");
	char line[XT_TABLE_MAXNAMELEN + 1];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found = strcmp(line, table) == 0;
	}
	fclose(file);
	return found;
}

static int table_read_once(int fd, int level, struct ipt_getinfo *ret_info,
			   struct ipt_get_entries **ret_entries)
{
	_cleanup_(free_p) struct ipt_get_entries *entries = NULL;
	socklen_t len = sizeof(*ret_info);

	if (getsockopt(fd, level, IPT_SO_GET_INFO, ret_info, &len) < 0)
		return -errno;
	len = sizeof(*entries) + ret_info->size;
	entries = calloc(1, len);
	if (!entries)
		return -ENOMEM;
	memcpy(entries->name, ret_info->name, sizeof(entries->name));
	entries->size = ret_info->size;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, entries, &len) < 0)
		return -errno;
	*ret_entries = TAKE_PTR(entries);
	return 0;
}

int legacy_table_read(int family, struct ipt_getinfo *ret_info,
		      struct ipt_get_entries **ret_entries)
{
	_cleanup_(close_p) int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	int ret = fd < 0 ? -errno : -EAGAIN;

	for (int i = 0; i < TRIES_MAX && ret == -EAGAIN; i++)
		ret = table_read_once(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
				      ret_info, ret_entries);
	return ret;
}

/* A chain's name stands in its first entry and nowhere else, since rules refer to a chain
 * by its offset. */
bool iptables_legacy_has_chain(int family, const char *chain)
{
	_cleanup_(free_p) struct ipt_get_entries *entries = NULL;
	struct ipt_getinfo info = {.name = "nat"};

	if (!legacy_table_exists(family, info.name))
		return false;
	return legacy_table_read(family, &info, &entries) < 0 ||
	       memmem(entries->entrytable, info.size, chain, strlen(chain) + 1);
}

bool iptables_legacy_translates(int family)
{
	return legacy_table_exists(family, "nat");
}

/* Each chain of a table that nobody has written to has its policy alone, and the table
 * one more entry, by which it ends. */
bool iptables_legacy_has_rules(int family)
{
	bool found = false;

	for (size_t i = 0; !found && i < IPTABLES_TABLES; i++) {
		_cleanup_(free_p) struct ipt_get_entries *entries = NULL;
		struct ipt_getinfo info = {};

		snprintf(info.name, sizeof(info.name), "%s", iptables_tables[i]);
		if (legacy_table_exists(family, iptables_tables[i]) &&
		    legacy_table_read(family, &info, &entries) == 0)
			found = info.num_entries >
				(unsigned int)__builtin_popcount(info.valid_hooks) + 1;
	}
	return found;
}
