/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Round robin through a range set, and the reservation of one address of it. */
#include "allocator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SET_TEXT_MAX 512 /* a longer one is cut in messages */

const struct ip_range *range_set_find(const struct range_set *set,
				      const struct ip_addr *ip)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct ip_range *range = &set->ranges[i];

		if (ip->family == range->start.family && ip_cmp(ip, &range->start) >= 0 &&
		    ip_cmp(ip, &range->end) <= 0)
			return range;
	}
	return NULL;
}

const char *address_excluded(const struct range_set_list *sets,
			     const struct ip_range *range, const struct ip_addr *ip)
{
	struct ip_prefix network = prefix_network(&range->subnet);
	struct ip_addr last = prefix_last(&range->subnet);

	/* Of all sets: one may lie in a range of another, which host-local overlooks. */
	for (size_t i = 0; i < sets->n; i++)
		for (size_t j = 0; j < sets->items[i].n; j++)
			if (ip_equal(ip, &sets->items[i].ranges[j].gateway))
				return "a gateway";
	if (ip_equal(ip, &network.addr))
		return "the network address";
	if (ip->family == AF_INET && ip_equal(ip, &last))
		return "the broadcast address";
	return NULL;
}

/* "10.1.2.2-10.1.2.9,10.1.3.2-10.1.3.9", as host-local writes it. */
static const char *set_format(const struct range_set *set, char buf[SET_TEXT_MAX])
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->n && n < SET_TEXT_MAX; i++)
		n += (size_t)snprintf(buf + n, SET_TEXT_MAX - n, "%s%s-%s", i ? "," : "",
				      IP_TEXT(&set->ranges[i].start),
				      IP_TEXT(&set->ranges[i].end));
	return buf;
}
#define SET_TEXT(set) set_format((set), (char[SET_TEXT_MAX]){})

struct range_cursor range_cursor_start(const struct range_set_list *sets, size_t set,
				       const struct ip_addr *last)
{
	struct range_cursor cursor = {.sets = sets, .set = &sets->items[set]};
	const struct ip_range *range;

	range = last ? range_set_find(cursor.set, last) : NULL;
	if (range) {
		cursor.range = (size_t)(range - cursor.set->ranges);
		cursor.current = *last;
	}
	return cursor;
}

/* The next address, excluded or not; false when that is where the walk began. */
static bool range_cursor_step(struct range_cursor *cursor)
{
	const struct range_set *set = cursor->set;

	if (cursor->current.family == 0) {
		cursor->current = set->ranges[0].start;
	} else if (ip_equal(&cursor->current, &set->ranges[cursor->range].end)) {
		cursor->range = (cursor->range + 1) % set->n;
		cursor->current = set->ranges[cursor->range].start;
	} else {
		/* Below the range's end, so there is one. */
		(void)ip_next(&cursor->current, &cursor->current);
	}
	if (cursor->first.family == 0) {
		cursor->first = cursor->current;
		return true;
	}
	return !ip_equal(&cursor->current, &cursor->first);
}

bool range_cursor_next(struct range_cursor *cursor, struct ip_addr *ret_ip)
{
	while (range_cursor_step(cursor)) {
		const struct ip_range *range = &cursor->set->ranges[cursor->range];

		if (address_excluded(cursor->sets, range, &cursor->current))
			continue;
		*ret_ip = cursor->current;
		return true;
	}
	return false;
}

int allocator_find_set(const struct range_set_list *sets, const char *key,
		       const struct ip_addr *ip, size_t *ret_set, struct cni_error *err)
{
	const struct ip_range *range = NULL;
	const char *excluded;
	size_t i;

	for (i = 0; i < sets->n && !range; i++)
		range = range_set_find(&sets->items[i], ip);
	if (!range) {
		error_set(err, CNI_ERR_CONFIG, ERANGE,
			  "%s: %s is in none of the network's ranges", key, IP_TEXT(ip));
		for (i = 0; i < sets->n; i++)
			error_details(err, "range set %zu is %s", i,
				      SET_TEXT(&sets->items[i]));
		return -ERANGE;
	}
	excluded = address_excluded(sets, range, ip);
	if (excluded)
		return error_set(err, CNI_ERR_CONFIG, ERANGE,
				 "%s: %s is %s of %s, which no container is given", key,
				 IP_TEXT(ip), excluded, PREFIX_TEXT(&range->subnet));
	*ret_set = i - 1;
	return 0;
}

static int reserve_requested(struct store *store, const struct ip_addr *ip,
			     struct cni_error *err)
{
	struct owner_text text = {};
	int r;

	r = store_place(store, ip, err);
	if (r != -EEXIST)
		return r;
	r = store_owner_of(store, ip, &text);
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "requested IP address %s is not available: taken by %s (%s/%s)",
			 IP_TEXT(ip), r < 0 ? "something else" : OWNER_TEXT(&text),
			 store->path, IP_TEXT(ip));
}

static int exhausted(const struct store *store, const struct range_set *set,
		     struct cni_error *err)
{
	size_t in_use;
	int r;

	r = store_count(store, set, &in_use, err);
	if (r < 0)
		return r;
	error_set(err, CNI_ERR_EXHAUSTED, EADDRNOTAVAIL,
		  "no IP addresses available in range set: %s: %zu in use", SET_TEXT(set),
		  in_use);
	error_details(err, "each file in %s with an address for its name is one in use",
		      store->path);
	return -EADDRNOTAVAIL;
}

static int reserve_next(struct store *store, const struct range_set_list *sets,
			size_t set, struct ip_addr *ret_ip, struct cni_error *err)
{
	struct range_cursor cursor;
	struct ip_addr ip;
	bool has_last;

	has_last = store_last_get(store, set, &ip);
	cursor = range_cursor_start(sets, set, has_last ? &ip : NULL);
	while (range_cursor_next(&cursor, &ip)) {
		int r = store_place(store, &ip, err);

		if (r == -EEXIST)
			continue;
		if (r < 0)
			return r;
		*ret_ip = ip;
		return 0;
	}
	return exhausted(store, &sets->items[set], err);
}

int allocator_reserve(struct store *store, const struct range_set_list *sets, size_t set,
		      const struct owner *owner, const struct ip_addr *requested,
		      struct ip_config *ret_config, struct cni_error *err)
{
	struct ip_addr ip = requested ? *requested : (struct ip_addr){};
	const struct ip_range *range;
	int r;

	r = store_prepare(store, owner, err);
	if (r < 0)
		return r;
	if (requested)
		r = reserve_requested(store, &ip, err);
	else
		r = reserve_next(store, sets, set, &ip, err);
	if (r < 0)
		return r;
	r = store_last_put(store, set, &ip, err);
	if (r < 0) {
		/* err says why already; that this fails, too, would add nothing. */
		(void)store_remove(store, &ip, &(struct cni_error){});
		return r;
	}
	range = range_set_find(&sets->items[set], &ip);
	*ret_config = (struct ip_config){
		.address = {.addr = ip, .len = range->subnet.len},
		.gateway = range->gateway,
		.interface = -1,
	};
	return 0;
}
