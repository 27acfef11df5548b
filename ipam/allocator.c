/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chooses addresses: round robin through the ranges of a set, past those
 * that are taken. */
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

/*
 * Gives what @ip is, for messages, where it is never given to a container, else NULL.
 * Such addresses are the gateways of all sets, the network address of @range's subnet
 * and, for IPv4, its broadcast address (for IPv6, RFC 4291 section 2.6.1 gives the first
 * address to the routers).
 */
static const char *address_excluded(const struct range_set_list *sets,
				    const struct ip_range *range,
				    const struct ip_addr *ip)
{
	struct ip_prefix network = prefix_network(&range->subnet);
	struct ip_addr last = prefix_last(&range->subnet);

	/* The gateway of one set may lie in a range of another,
	 * which host-local overlooks. */
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

/* Is the address a gateway of a range before number @number of set @set? */
static bool is_before(const struct range_set_list *sets, size_t set, size_t number,
		      const struct ip_addr *gateway)
{
	for (size_t i = 0; i <= set; i++)
		for (size_t j = 0; j < (i < set ? sets->items[i].n : number); j++)
			if (ip_equal(&sets->items[i].ranges[j].gateway, gateway))
				return true;
	return false;
}

size_t range_excluded(const struct range_set_list *sets, const struct ip_range *range)
{
	const struct range_set own = {(struct ip_range *)range, 1};
	struct ip_addr ends[2] = {prefix_network(&range->subnet).addr,
				  prefix_last(&range->subnet)};
	size_t n = 0;

	for (size_t i = 0; i < sets->n; i++)
		for (size_t j = 0; j < sets->items[i].n; j++) {
			const struct ip_addr *gateway = &sets->items[i].ranges[j].gateway;

			n += range_set_find(&own, gateway) &&
			     !is_before(sets, i, j, gateway);
		}
	for (size_t i = 0; i < 2; i++)
		n += range_set_find(&own, &ends[i]) &&
		     address_excluded(sets, range, &ends[i]) &&
		     !is_before(sets, sets->n, 0, &ends[i]);
	return n;
}

/* Writes "10.1.2.2-10.1.2.9,10.1.3.2-10.1.3.9", as host-local does. */
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
		error_details(err, "ask for an address of one of these");
		return -ERANGE;
	}
	excluded = address_excluded(sets, range, ip);
	if (excluded)
		return error_set(err, CNI_ERR_CONFIG, ERANGE,
				 "%s: %s is %s of %s, which no container is given; "
				 "ask for another address",
				 key, IP_TEXT(ip), excluded, PREFIX_TEXT(&range->subnet));
	*ret_set = i - 1;
	return 0;
}

int allocator_requested(struct store *store, const struct ip_addr *ip,
			struct cni_error *err)
{
	struct holder_text text = {};
	int ret;

	if (!table_is_taken(&store->table, ip))
		return 0;
	ret = store_holder_of(store, ip, &text);
	if (ret == 0 && text.len == 0) {
		ret = store_remove(store, ip, err);
		if (ret == 0)
			table_free(&store->table, ip);
		return ret;
	}
	error_set(err, CNI_ERR_EXISTS, EEXIST,
		  "requested IP address %s is not available: taken by %s (%s/%s)",
		  IP_TEXT(ip), ret < 0 ? "something else" : HOLDER_TEXT(&text),
		  store->path, IP_TEXT(ip));
	error_details(err, "ask for another address, or delete the pod that has it");
	return -EEXIST;
}

/* Counts the addresses of a set that are taken. */
static size_t range_set_taken(struct store *store, const struct range_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->n; i++)
		count += table_count(&store->table, &set->ranges[i].start,
				     &set->ranges[i].end);
	return count;
}

static int exhausted(struct store *store, const struct range_set *set,
		     struct cni_error *err)
{
	error_set(err, CNI_ERR_EXHAUSTED, EADDRNOTAVAIL,
		  "no IP addresses available in range set: %s: %zu in use", SET_TEXT(set),
		  range_set_taken(store, set));
	error_details(
		err,
		"each file in %s with an address for its name is one in use: delete "
		"pods, or widen the range",
		store->path);
	return -EADDRNOTAVAIL;
}

/* Finds the first free address from @from to @to that a container may have. */
static bool next_in(struct store *store, const struct range_set_list *sets,
		    const struct ip_range *range, const struct ip_addr *from,
		    const struct ip_addr *to, struct ip_addr *ret_ip)
{
	struct ip_addr ip = *from;

	while (table_next_free(&store->table, &ip, to, &ip)) {
		if (!address_excluded(sets, range, &ip)) {
			*ret_ip = ip;
			return true;
		}
		if (ip_equal(&ip, to) || !ip_next(&ip, &ip))
			break;
	}
	return false;
}

int allocator_next(struct store *store, const struct range_set_list *sets, size_t set_n,
		   const struct ip_addr *last, struct ip_addr *ret_ip,
		   struct cni_error *err)
{
	const struct range_set *set = &sets->items[set_n];
	const struct ip_range *first = range_set_find(set, last);
	size_t start = first ? (size_t)(first - set->ranges) : 0;

	/* First what is behind @last in its range, then the other ranges, then what is
	 * before @last in its range. */
	for (size_t i = 0; i <= set->n; i++) {
		const struct ip_range *range = &set->ranges[(start + i) % set->n];
		struct ip_addr from = range->start;

		if (i == set->n && !first)
			break;
		if (i == 0 && first &&
		    (ip_equal(last, &range->end) || !ip_next(last, &from)))
			continue;
		if (next_in(store, sets, range, &from, i == set->n ? last : &range->end,
			    ret_ip))
			return 0;
	}
	return exhausted(store, set, err);
}
