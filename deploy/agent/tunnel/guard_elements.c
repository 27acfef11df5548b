/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * With thousands of nodes the elements are many. Those that are wanted are pointers to
 * the caller's addresses, and those of the kernel are compared while they are read: in
 * memory are only the ones that are to go. Sets that are known to be right, by the sum of
 * their elements' hashes, are neither read nor in memory.
 */
#include "guard_elements.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/identity.h"
#include "plugin/netlink/nf_tables_lookup.h"
#include "plugin/netlink/nf_tables_transaction.h"

#define PIECE 16 /* elements that are made for a transaction at once */

/* An element that a set is to have. */
struct wanted {
	struct guard_source source;
	bool present;
};

/* An element that the kernel has, and that is to go. */
struct unwanted {
	struct nft_value key, end;
};

struct unwanted_list {
	struct unwanted *items;
	size_t n;
};

struct set_diff {
	struct nft_set set;
	bool known; /* it is right, and isn't read */
	struct wanted *wanted; /* once the set is read: sorted, the wider range first */
	size_t n_wanted, n_present;
	uint64_t sum; /* of the hashes of all that are wanted */
	struct unwanted_list unwanted;
};

struct diff {
	struct set_diff sets[GUARD_SETS];
	struct wanted *all; /* owned: the wanted ones of all sets that are read */
	size_t added, deleted;
};

static void diff_clear(struct diff *diff)
{
	for (int i = 0; i < GUARD_SETS; i++)
		free(diff->sets[i].unwanted.items);
	free(diff->all);
}

/* The first part of keys in the sets own_4 and own_6: the numbers that nftables has for
 * the families, in the four bytes of an IPv4 address. */
static const struct ip_addr own_parts[] = {
	{AF_INET, {NFPROTO_IPV4}},
	{AF_INET, {NFPROTO_IPV6}},
};

static enum guard_set set_of(const struct guard_source *source)
{
	bool inner6 = source->inner->addr.family == AF_INET6;
	const struct ip_addr *outer = source->outer;
	enum guard_set first;

	if (outer == &own_parts[inner6])
		return inner6 ? GUARD_OWN_6 : GUARD_OWN_4;
	if (outer->family == AF_INET6)
		first = inner6 ? GUARD_SOURCES_66 : GUARD_SOURCES_64;
	else
		first = inner6 ? GUARD_SOURCES_46 : GUARD_SOURCES_44;
	return first + outer->bytes[ip_size(outer->family) - 1] % GUARD_SHARDS;
}

static size_t sources_count(const struct guard_spec *spec)
{
	return (spec->vxlan ? spec->n_sources : 0) + spec->n_own;
}

static struct guard_source source_at(const struct guard_spec *spec, size_t i)
{
	const struct ip_prefix *own;

	if (i >= spec->n_own)
		return spec->sources[i - spec->n_own];
	own = &spec->own[i];
	return (struct guard_source){&own_parts[own->addr.family == AF_INET6], own};
}

static uint64_t source_hash(const struct guard_source *source)
{
	uint8_t bytes[2 * sizeof(source->outer->bytes) + 1];
	const size_t half = sizeof(source->outer->bytes);

	memcpy(bytes, source->outer->bytes, half);
	memcpy(bytes + half, source->inner->addr.bytes, half);
	bytes[2 * half] = source->inner->len;
	return hash_bytes(bytes, sizeof(bytes));
}

/* Sums up what each set is to have, and returns how many elements those have that are to be
 * read. */
static size_t wanted_count(const struct guard_spec *spec, const uint64_t *known,
			   struct diff *diff)
{
	size_t n = 0;

	for (size_t i = 0; i < sources_count(spec); i++) {
		struct guard_source source = source_at(spec, i);
		struct set_diff *set = &diff->sets[set_of(&source)];

		set->n_wanted++;
		set->sum += source_hash(&source);
	}
	for (int i = 0; i < GUARD_SETS; i++) {
		struct set_diff *set = &diff->sets[i];

		set->known = known && known[i] == set->sum;
		n += set->known ? 0 : set->n_wanted;
	}
	return n;
}

/* Gives each set that is to be read its part of the wanted elements. -ENOMEM. */
static int wanted_collect(const struct guard_spec *spec, const uint64_t *known,
			  struct diff *diff)
{
	size_t n = wanted_count(spec, known, diff);
	struct wanted *next = reallocarray(NULL, n + 1, sizeof(*next));

	if (!next)
		return -ENOMEM;
	diff->all = next;
	for (int i = 0; i < GUARD_SETS; i++) {
		struct set_diff *set = &diff->sets[i];

		set->wanted = next;
		next += set->known ? 0 : set->n_wanted;
		set->n_wanted = 0;
	}
	for (size_t i = 0; n && i < sources_count(spec); i++) {
		struct guard_source source = source_at(spec, i);
		struct set_diff *set = &diff->sets[set_of(&source)];

		if (set->known)
			continue;
		set->wanted[set->n_wanted++] = (struct wanted){.source = source};
	}
	return 0;
}

static int wanted_compare(const void *left, const void *right)
{
	const struct guard_source *a = &((const struct wanted *)left)->source;
	const struct guard_source *b = &((const struct wanted *)right)->source;
	int ret = ip_cmp(a->outer, b->outer);

	if (ret == 0)
		ret = ip_cmp(&a->inner->addr, &b->inner->addr);
	return ret ? ret : (int)a->inner->len - (int)b->inner->len;
}

/* Sorts the wanted elements of a set. A range inside of another one of the same node
 * goes, as sets take no intervals that overlap. */
static void wanted_sort(struct set_diff *set)
{
	struct wanted *all = set->wanted;
	size_t kept = 0;

	qsort(all, set->n_wanted, sizeof(*all), wanted_compare);
	for (size_t i = 0; i < set->n_wanted; i++)
		if (kept == 0 ||
		    !ip_equal(all[kept - 1].source.outer, all[i].source.outer) ||
		    !prefix_contains(all[kept - 1].source.inner,
				     &all[i].source.inner->addr))
			all[kept++] = all[i];
	set->n_wanted = kept;
}

static void element_make(const struct nft_set *set, const struct guard_source *source,
			 struct nft_element *ret_element)
{
	struct ip_addr last = prefix_last(source->inner);
	size_t outer = ip_size(source->outer->family), inner = ip_size(last.family);

	*ret_element = (struct nft_element){.set = set};
	nft_value_add_part(&ret_element->key, source->outer->bytes, outer);
	nft_value_add_part(&ret_element->key, source->inner->addr.bytes, inner);
	nft_value_add_part(&ret_element->end, source->outer->bytes, outer);
	nft_value_add_part(&ret_element->end, last.bytes, inner);
}

static bool value_equal(const struct nft_value *a, const struct nft_value *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static int key_compare(const void *key, const void *item)
{
	const struct guard_source *source = &((const struct wanted *)item)->source;
	size_t outer = ip_size(source->outer->family);
	const uint8_t *bytes = ((const struct nft_value *)key)->bytes;
	int ret = memcmp(bytes, source->outer->bytes, outer);

	return ret ? ret
		   : memcmp(bytes + outer, source->inner->addr.bytes,
			    ip_size(source->inner->addr.family));
}

/* Takes an element of the kernel's, for nft_set_elements(). A dump that is interrupted
 * begins anew, so that an element may come twice. */
static int element_take(const struct nft_element *found, void *data)
{
	struct set_diff *set = data;
	struct wanted *wanted = set->n_wanted
					? bsearch(&found->key, set->wanted, set->n_wanted,
						  sizeof(*wanted), key_compare)
					: NULL;
	struct nft_element element;
	struct unwanted *unwanted;

	if (wanted) {
		element_make(&set->set, &wanted->source, &element);
		if (value_equal(&element.key, &found->key) &&
		    value_equal(&element.end, &found->end)) {
			set->n_present += !wanted->present;
			wanted->present = true;
			return 0;
		}
	}
	unwanted = LIST_ADD(&set->unwanted);
	if (!unwanted)
		return -ENOMEM;
	*unwanted = (struct unwanted){found->key, found->end};
	return 0;
}

static void deletions_queue(struct netlink *nft, const struct set_diff *set)
{
	struct nft_element piece[PIECE];
	size_t n = 0;

	for (size_t i = 0; i < set->unwanted.n; i++) {
		piece[n++] = (struct nft_element){.set = &set->set,
						  .key = set->unwanted.items[i].key,
						  .end = set->unwanted.items[i].end};
		if (n < PIECE && i + 1 < set->unwanted.n)
			continue;
		nft_transaction_del(nft, piece, n);
		n = 0;
	}
}

static void additions_queue(struct netlink *nft, const struct set_diff *set)
{
	struct nft_element piece[PIECE];
	size_t n = 0;

	for (size_t i = 0; i < set->n_wanted; i++) {
		if (!set->wanted[i].present)
			element_make(&set->set, &set->wanted[i].source, &piece[n++]);
		if (n == PIECE || (n && i + 1 == set->n_wanted)) {
			nft_transaction_add(nft, piece, n);
			n = 0;
		}
	}
}

/* Compares a set with what the kernel has. Code 101. */
static int set_read(struct netlink *nft, enum guard_set which, struct diff *diff,
		    struct cni_error *err)
{
	struct set_diff *set = &diff->sets[which];
	int ret;

	set->set = (struct nft_set){.family = NFPROTO_INET, .table = GUARD_TABLE};
	guard_set_name(which, set->set.name);
	wanted_sort(set);
	ret = nft_set_elements(nft, &set->set, element_take, set, err);
	diff->added += set->n_wanted - set->n_present;
	diff->deleted += set->unwanted.n;
	return ret;
}

static int diff_commit(struct netlink *nft, const struct diff *diff,
		       struct cni_error *err)
{
	int ret;

	nft_transaction_begin(nft);
	for (int i = 0; i < GUARD_SETS; i++)
		deletions_queue(nft, &diff->sets[i]);
	for (int i = 0; i < GUARD_SETS; i++)
		if (diff->sets[i].set.table)
			additions_queue(nft, &diff->sets[i]);
	ret = nft_transaction_commit(nft, ENOENT, err);
	return ret == NETLINK_EXPECTED ? GUARD_ELEMENTS_AGAIN : ret;
}

int guard_elements_ensure(struct netlink *nft, const struct guard_spec *spec,
			  const uint64_t *known, uint64_t ret_sums[GUARD_SETS],
			  struct guard_done *done, struct cni_error *err)
{
	_cleanup_(diff_clear) struct diff diff = {};
	int ret = 0;

	if (wanted_collect(spec, known, &diff) < 0)
		return error_oom(err);
	for (int i = 0; ret == 0 && i < GUARD_SETS; i++)
		if (!diff.sets[i].known)
			ret = set_read(nft, i, &diff, err);
	if (ret == 0 && (diff.added || diff.deleted))
		ret = diff_commit(nft, &diff, err);
	if (ret != 0)
		return ret;
	for (int i = 0; i < GUARD_SETS; i++)
		ret_sums[i] = diff.sets[i].sum;
	done->added += diff.added;
	done->deleted += diff.deleted;
	return 0;
}
