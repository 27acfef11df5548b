/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads tables of iptables-legacy by the getsockopt() that iptables-legacy itself
 * uses. */
#include "iptables_legacy.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/util.h"

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
static bool table_exists(int family, const char *table)
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

/* Reads the table that @ret_info names; the caller frees the entries. -errno. */
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

static int table_read(int family, struct ipt_getinfo *ret_info,
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

	if (!table_exists(family, info.name))
		return false;
	return table_read(family, &info, &entries) < 0 ||
	       memmem(entries->entrytable, info.size, chain, strlen(chain) + 1);
}

/* An entry of either family. */
struct entry {
	const char *in, *out; /* "": any */
	bool plain; /* it asks for nothing but the interfaces, as they are */
	size_t target, next; /* where they begin, from the entry on */
};

/* A whole name has its NUL in the mask. */
static bool is_whole(const char *name, const unsigned char *mask)
{
	size_t len = strnlen(name, IFNAMSIZ - 1);

	return len == 0 ? mask[0] == 0 : mask[len] != 0;
}

static bool is_zero(const void *bytes, size_t n)
{
	static const char zeros[sizeof(struct in6_addr)];

	return memcmp(bytes, zeros, n) == 0;
}

static struct entry entry_of(int family, const char *at)
{
	const struct ipt_entry *four = (const void *)at;
	const struct ip6t_entry *six = (const void *)at;

	if (family == AF_INET)
		return (struct entry){
			four->ip.iniface, four->ip.outiface,
			is_zero(&four->ip.smsk, sizeof(four->ip.smsk)) &&
				is_zero(&four->ip.dmsk, sizeof(four->ip.dmsk)) &&
				four->ip.proto == 0 && four->ip.invflags == 0 &&
				is_whole(four->ip.iniface, four->ip.iniface_mask) &&
				is_whole(four->ip.outiface, four->ip.outiface_mask) &&
				four->target_offset == sizeof(*four),
			four->target_offset, four->next_offset};
	return (struct entry){
		six->ipv6.iniface, six->ipv6.outiface,
		is_zero(&six->ipv6.smsk, sizeof(six->ipv6.smsk)) &&
			is_zero(&six->ipv6.dmsk, sizeof(six->ipv6.dmsk)) &&
			six->ipv6.proto == 0 && six->ipv6.invflags == 0 &&
			is_whole(six->ipv6.iniface, six->ipv6.iniface_mask) &&
			is_whole(six->ipv6.outiface, six->ipv6.outiface_mask) &&
			six->target_offset == sizeof(*six),
		six->target_offset, six->next_offset};
}

/* What a target does with all packets: a verdict, or 1 where it does something else. */
static int verdict_of(const char *at)
{
	const struct xt_standard_target *target = (const void *)at;

	return target->target.u.user.name[0] == '\0' ? target->verdict : 1;
}

#define VERDICT(netfilter) (-(netfilter)-1)

/* The chain's own rules; those of chains that it jumps to aren't followed. */
static enum legacy_forward forward_walk(int family, const struct ipt_getinfo *info,
					const struct ipt_get_entries *entries,
					const char *ifname)
{
	const char *table = (const char *)entries->entrytable;
	size_t at = info->hook_entry[NF_INET_FORWARD],
	       policy = info->underflow[NF_INET_FORWARD];
	bool in = false, out = false, maybe = false;

	while (at < policy) {
		struct entry entry = entry_of(family, table + at);
		int verdict = verdict_of(table + at + entry.target);
		bool accepts = verdict == VERDICT(NF_ACCEPT) && entry.plain;

		if (accepts && !entry.out[0])
			in |= !entry.in[0] || strcmp(entry.in, ifname) == 0;
		if (accepts && !entry.in[0])
			out |= !entry.out[0] || strcmp(entry.out, ifname) == 0;
		maybe |= verdict >= 0 || (verdict == VERDICT(NF_ACCEPT) && !entry.plain);
		if (entry.next == 0)
			break;
		at += entry.next;
	}
	at = policy;
	if ((in && out) || verdict_of(table + at + entry_of(family, table + at).target) !=
				   VERDICT(NF_DROP))
		return LEGACY_PASSES;
	return maybe ? LEGACY_UNSURE : LEGACY_DROPS;
}

enum legacy_forward iptables_legacy_forward(int family, const char *ifname)
{
	_cleanup_(free_p) struct ipt_get_entries *entries = NULL;
	struct ipt_getinfo info = {.name = "filter"};

	if (!table_exists(family, info.name) || table_read(family, &info, &entries) < 0)
		return LEGACY_PASSES;
	return forward_walk(family, &info, entries, ifname);
}
