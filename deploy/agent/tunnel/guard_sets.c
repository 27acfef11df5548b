/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and declarations of the sets, and those that the kernel has. */
#include "guard_sets.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "guard_packet.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/nft/nft.h"

#define TABLE "inet " GUARD_TABLE

/* The keys have room for whole addresses, whatever the length. Elements of nodes count
 * what comes from each (silent_peers.h). */
static const struct {
	const char *name, *key;
	bool counts;
} kinds[GUARD_KINDS] = {
	[GUARD_SOURCES_44] = {"sources_44", "ip saddr . " INNER_SADDR4, true},
	[GUARD_SOURCES_46] = {"sources_46", "ip saddr . " INNER_SADDR6, true},
	[GUARD_SOURCES_64] = {"sources_64", "ip6 saddr . " INNER_SADDR4, true},
	[GUARD_SOURCES_66] = {"sources_66", "ip6 saddr . " INNER_SADDR6, true},
	[GUARD_OWN_4] = {"own_4", "ip daddr", false},
	[GUARD_OWN_6] = {"own_6", "ip6 daddr", false},
};

enum guard_kind guard_kind_own(const struct ip_prefix *range)
{
	return range->addr.family == AF_INET6 ? GUARD_OWN_6 : GUARD_OWN_4;
}

enum guard_kind guard_kind_source(const struct guard_source *source)
{
	bool inner6 = source->inner.addr.family == AF_INET6;

	if (source->outer.family == AF_INET6)
		return inner6 ? GUARD_SOURCES_66 : GUARD_SOURCES_64;
	return inner6 ? GUARD_SOURCES_46 : GUARD_SOURCES_44;
}

void guard_sets_find(const struct guard_spec *spec, struct guard_sets *ret_sets)
{
	*ret_sets = (struct guard_sets){};
	for (size_t i = 0; spec->vxlan && i < spec->n_sources; i++)
		ret_sets->has[guard_kind_source(&spec->sources[i])]
			     [spec->sources[i].inner.len] = true;
	for (size_t i = 0; i < spec->n_own; i++)
		ret_sets->has[guard_kind_own(&spec->own[i])][spec->own[i].len] = true;
}

void guard_set_name(enum guard_kind kind, unsigned int len,
		    char ret_name[NFT_SET_NAME_MAX])
{
	snprintf(ret_name, NFT_SET_NAME_MAX, "%s_%u", kinds[kind].name, len);
}

static void declare(enum guard_kind kind, unsigned int len, struct text *text)
{
	char name[NFT_SET_NAME_MAX];

	guard_set_name(kind, len, name);
	text_add(text, "add set " TABLE " %s { typeof %s; %s}\n", name, kinds[kind].key,
		 kinds[kind].counts ? "counter; " : "");
}

void guard_sets_declare(const struct guard_sets *sets, struct text *text)
{
	for (int kind = 0; kind < GUARD_KINDS; kind++)
		for (unsigned int len = 0; len < GUARD_LENGTHS; len++)
			if (sets->has[kind][len])
				declare(kind, len, text);
}

/* -- the sets that the kernel has */

/* Reads a set's name. False: it is none of the guard's. */
static bool name_read(const char *name, enum guard_kind *ret_kind, unsigned int *ret_len)
{
	char expected[NFT_SET_NAME_MAX];

	for (int kind = 0; kind < GUARD_KINDS; kind++) {
		size_t n = strlen(kinds[kind].name);
		unsigned long len = strncmp(name, kinds[kind].name, n) == 0 &&
						    name[n] == '_'
					    ? strtoul(name + n + 1, NULL, 10)
					    : GUARD_LENGTHS;

		if (len >= GUARD_LENGTHS)
			continue;
		guard_set_name(kind, len, expected);
		if (strcmp(name, expected) != 0)
			continue;
		*ret_kind = kind;
		*ret_len = len;
		return true;
	}
	return false;
}

static int set_take(const char *name, void *data)
{
	struct guard_sets *sets = data;
	enum guard_kind kind;
	unsigned int len;

	if (!name)
		*sets = (struct guard_sets){};
	else if (name_read(name, &kind, &len))
		sets->has[kind][len] = true;
	return 0;
}

static int sets_read(struct netlink *nft, struct guard_sets *ret_sets,
		     struct cni_error *err)
{
	*ret_sets = (struct guard_sets){};
	return nft_table_sets(nft, NFPROTO_INET, GUARD_TABLE, set_take, ret_sets, err);
}

/* Gives those of @sets that @others doesn't have, and returns how many these are. */
static size_t sets_without(const struct guard_sets *sets, const struct guard_sets *others,
			   struct guard_sets *ret_sets)
{
	size_t n = 0;

	for (int kind = 0; kind < GUARD_KINDS; kind++)
		for (unsigned int len = 0; len < GUARD_LENGTHS; len++) {
			ret_sets->has[kind][len] = sets->has[kind][len] &&
						   !others->has[kind][len];
			n += ret_sets->has[kind][len];
		}
	return n;
}

int guard_sets_add(struct netlink *nft, const struct guard_sets *sets,
		   struct cni_error *err)
{
	struct guard_sets present, missing;
	struct text text = {};
	int ret = sets_read(nft, &present, err);

	if (ret < 0 || sets_without(sets, &present, &missing) == 0)
		return ret;
	guard_sets_declare(&missing, &text);
	ret = text.failed ? error_oom(err) : nft_apply(text.text, -1, err);
	free(text.text);
	return ret;
}

/* Fills in a set for messages about its elements. */
static struct nft_set set_of(enum guard_kind kind, unsigned int len)
{
	struct nft_set set = {.family = NFPROTO_INET, .table = GUARD_TABLE};

	guard_set_name(kind, len, set.name);
	return set;
}

int guard_sets_trim(struct netlink *nft, const struct guard_sets *sets,
		    struct cni_error *err)
{
	struct guard_sets present, spare;
	int ret = sets_read(nft, &present, err), n;

	if (ret < 0)
		return ret;
	n = (int)sets_without(&present, sets, &spare);
	for (int kind = 0; ret >= 0 && kind < GUARD_KINDS; kind++)
		for (unsigned int len = 0; ret >= 0 && len < GUARD_LENGTHS; len++) {
			struct nft_set set = set_of(kind, len);

			if (spare.has[kind][len])
				ret = nft_set_del(nft, &set, err);
		}
	return ret < 0 ? ret : n;
}

/* -- what was counted */

struct counting {
	int family; /* of the underlay */
	guard_count_fn fn;
	void *data;
};

static int count_take(const struct nft_element *element, void *data)
{
	const struct counting *counting = data;
	struct ip_addr outer = {.family = counting->family};

	memcpy(outer.bytes, element->key.bytes, ip_size(outer.family));
	counting->fn(&outer, element->packets, counting->data);
	return 0;
}

int guard_sets_counts(struct netlink *nft, guard_count_fn fn, void *data,
		      struct cni_error *err)
{
	struct guard_sets present;
	int ret = sets_read(nft, &present, err);

	for (int kind = 0; kind < GUARD_OWN_4; kind++) {
		struct counting counting = {kind < GUARD_SOURCES_64 ? AF_INET : AF_INET6,
					    fn, data};

		for (unsigned int len = 0; ret == 0 && len < GUARD_LENGTHS; len++) {
			struct nft_set set = set_of(kind, len);

			if (present.has[kind][len])
				ret = nft_set_elements(nft, &set, count_take, &counting,
						       err);
		}
	}
	return ret;
}
