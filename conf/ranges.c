/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads range sets, completes and checks them as host-local 1.9 does
 * (plugins/ipam/host-local/backend/allocator: Range.Canonicalize, LoadIPAMConfig). ipam/
 * decides which addresses of a range are given out.
 */
#include "ranges.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/json/json_table.h"

#define RANGE_SETS_MAX 32
#define RANGES_MAX     128 /* of a set */

static const struct json_field range_fields[] = {RANGE_FIELDS(0, true)};
static const struct json_type range_type = OBJECT(range_fields);

static const struct json_type range_set_type = {
	.kind = JSON_LIST,
	.max = RANGES_MAX,
	.item = &range_type,
	.item_size = sizeof(struct ip_range),
};

const struct json_type range_sets_type = {
	.kind = JSON_LIST,
	.max = RANGE_SETS_MAX,
	.item = &range_set_type,
	.item_size = sizeof(struct range_set),
};

static const char *set_name(struct range_origin *origin, size_t set)
{
	if (set < origin->runtime)
		snprintf(origin->text, sizeof(origin->text),
			 "runtimeConfig.ipRanges[%zu]", set);
	else if (set < origin->runtime + origin->singles)
		return "ipam.subnet";
	else
		snprintf(origin->text, sizeof(origin->text), "ipam.ranges[%zu]",
			 set - origin->runtime - origin->singles);
	return origin->text;
}

const char *range_name(struct range_origin *origin, size_t set, size_t range)
{
	size_t len;

	if (set >= origin->runtime && set < origin->runtime + origin->singles)
		return "ipam";
	len = strlen(set_name(origin, set));
	snprintf(origin->text + len, sizeof(origin->text) - len, "[%zu]", range);
	return origin->text;
}

static int check_subnet(const struct ip_range *range, const char *where,
			struct cni_error *err)
{
	const struct ip_prefix *subnet = &range->subnet;
	struct ip_prefix network = prefix_network(subnet);
	unsigned int max = ip_bits(subnet->addr.family) - 2;

	if (subnet->len > max)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s.subnet: %s is too small: the prefix length of an "
				 "%s range is at most %u",
				 where, PREFIX_TEXT(subnet),
				 ip_family_name(subnet->addr.family), max);
	if (!prefix_equal(&network, subnet))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s.subnet: %s has host bits set: the network is %s",
				 where, PREFIX_TEXT(subnet), PREFIX_TEXT(&network));
	return 0;
}

static int check_inside(const struct ip_range *range, const struct ip_addr *addr,
			const char *where, const char *key, struct cni_error *err)
{
	if (addr->family == 0 || prefix_contains(&range->subnet, addr))
		return 0;
	return error_set(err, CNI_ERR_CONFIG, EINVAL, "%s.%s: %s is not in subnet %s",
			 where, key, IP_TEXT(addr), PREFIX_TEXT(&range->subnet));
}

/* The last address of the subnet that is not IPv4's broadcast address. */
static struct ip_addr default_end(const struct ip_prefix *subnet)
{
	struct ip_addr end = prefix_last(subnet);

	if (end.family == AF_INET)
		end.bytes[3]--; /* odd, since a subnet has two host bits at least */
	return end;
}

static int finish_range(struct ip_range *range, const char *where, struct cni_error *err)
{
	int ret;

	ret = check_subnet(range, where, err);
	if (ret < 0)
		return ret;
	ret = check_inside(range, &range->start, where, "rangeStart", err);
	if (ret < 0)
		return ret;
	ret = check_inside(range, &range->end, where, "rangeEnd", err);
	if (ret < 0)
		return ret;
	/* Outside the subnet it is another matter, range_gateways_check()'s. */
	if (range->gateway.family && range->gateway.family != range->subnet.addr.family)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s.gateway: %s is not of the same family as subnet %s",
				 where, IP_TEXT(&range->gateway),
				 PREFIX_TEXT(&range->subnet));

	if (!range->start.family)
		ip_next(&range->subnet.addr, &range->start);
	if (!range->end.family)
		range->end = default_end(&range->subnet);
	if (!range->gateway.family)
		ip_next(&range->subnet.addr, &range->gateway);
	if (ip_cmp(&range->start, &range->end) > 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s.rangeStart: %s is behind rangeEnd, which is %s",
				 where, IP_TEXT(&range->start), IP_TEXT(&range->end));
	return 0;
}

static int finish_set(struct range_set *set, size_t i, struct range_origin *origin,
		      struct cni_error *err)
{
	int family;

	if (set->n == 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s: an empty range set, expected at least one range",
				 set_name(origin, i));
	family = set->ranges[0].subnet.addr.family;
	for (size_t j = 0; j < set->n; j++) {
		struct ip_range *range = &set->ranges[j];
		int ret = finish_range(range, range_name(origin, i, j), err);

		if (ret < 0)
			return ret;
		if (range->subnet.addr.family != family)
			return error_set(
				err, CNI_ERR_CONFIG, EINVAL,
				"%s.subnet: %s is %s in a set of %s ranges: give "
				"each family a set of its own",
				range_name(origin, i, j), PREFIX_TEXT(&range->subnet),
				ip_family_name(range->subnet.addr.family),
				ip_family_name(family));
	}
	return 0;
}

static bool ranges_overlap(const struct ip_range *a, const struct ip_range *b)
{
	return ip_cmp(&a->start, &b->end) <= 0 && ip_cmp(&b->start, &a->end) <= 0;
}

/* Whether range @j of set @i has an address in common with one that stands before it. */
static int check_overlaps(const struct range_set_list *sets, size_t i, size_t j,
			  struct range_origin *origin, struct cni_error *err)
{
	const struct ip_range *range = &sets->items[i].ranges[j];

	for (size_t k = 0; k <= i; k++) {
		size_t n = k < i ? sets->items[k].n : j;

		for (size_t l = 0; l < n; l++) {
			const struct ip_range *other = &sets->items[k].ranges[l];
			struct range_origin other_origin = *origin;

			if (!ranges_overlap(range, other))
				continue;
			return error_set(err, CNI_ERR_CONFIG, EINVAL,
					 "%s: %s-%s overlaps %s, which is %s-%s",
					 range_name(origin, i, j), IP_TEXT(&range->start),
					 IP_TEXT(&range->end),
					 range_name(&other_origin, k, l),
					 IP_TEXT(&other->start), IP_TEXT(&other->end));
		}
	}
	return 0;
}

static int check_all_overlaps(const struct range_set_list *sets,
			      struct range_origin *origin, struct cni_error *err)
{
	for (size_t i = 0; i < sets->n; i++) {
		for (size_t j = 0; j < sets->items[i].n; j++) {
			int ret = check_overlaps(sets, i, j, origin, err);

			if (ret < 0)
				return ret;
		}
	}
	return 0;
}

/* Results below 0.3.0 have room for one address a family. */
static int check_one_a_family(const struct range_set_list *sets, enum cni_version version,
			      struct range_origin *origin, struct cni_error *err)
{
	bool seen_v4 = false, seen_v6 = false;

	for (size_t i = 0; i < sets->n && version < CNI_0_3_0; i++) {
		int family = sets->items[i].ranges[0].subnet.addr.family;
		bool *seen = family == AF_INET ? &seen_v4 : &seen_v6;

		if (*seen)
			return error_set(err, CNI_ERR_CONFIG, EINVAL,
					 "%s: a second %s range set needs cniVersion "
					 "0.3.0 or later, it is %s",
					 set_name(origin, i), ip_family_name(family),
					 cni_version_names[version]);
		*seen = true;
	}
	return 0;
}

static void move_sets(struct range_set_list *from, struct range_set_list *to)
{
	if (from->n)
		memcpy(to->items + to->n, from->items, from->n * sizeof(*from->items));
	to->n += from->n;
	free(from->items);
	*from = (struct range_set_list){};
}

/* Joins all sets into one list. @sources are empty then. */
static int join(struct range_sources *sources, struct range_set_list *ret_sets,
		struct cni_error *err)
{
	size_t n = sources->runtime.n + sources->configured.n + 1;
	struct range_set_list sets = {.items = calloc(n, sizeof(*sets.items))};
	struct ip_range *copy = NULL;

	if (sets.items && sources->single.subnet.addr.family)
		copy = malloc(sizeof(*copy));
	if (!sets.items || (!copy && sources->single.subnet.addr.family)) {
		free(sets.items);
		return error_oom(err);
	}
	move_sets(&sources->runtime, &sets);
	if (copy) {
		*copy = sources->single;
		sets.items[sets.n++] = (struct range_set){.ranges = copy, .n = 1};
	}
	move_sets(&sources->configured, &sets);
	*ret_sets = sets;
	return 0;
}

static int check_sets(struct range_set_list *sets, struct range_origin *origin,
		      enum cni_version version, struct cni_error *err)
{
	int ret;

	for (size_t i = 0; i < sets->n; i++) {
		ret = finish_set(&sets->items[i], i, origin, err);
		if (ret < 0)
			return ret;
	}
	ret = check_one_a_family(sets, version, origin, err);
	return ret < 0 ? ret : check_all_overlaps(sets, origin, err);
}

int range_sets_finish(struct range_sources *sources, enum cni_version version,
		      struct ipam_conf *ipam, struct cni_error *err)
{
	struct range_origin origin = {
		.runtime = sources->runtime.n,
		.singles = sources->single.subnet.addr.family ? 1 : 0,
	};
	struct range_set_list sets;
	int ret;

	ret = join(sources, &sets, err);
	if (ret < 0)
		return ret;
	ret = check_sets(&sets, &origin, version, err);
	if (ret < 0) {
		json_clear(&range_sets_type, &sets);
		return ret;
	}
	ipam->sets = sets;
	ipam->runtime_sets = origin.runtime;
	ipam->single_sets = origin.singles;
	return 0;
}
