/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Merges host ports: each is served once, however often it is asked for, and those that
 * follow each other are one run. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "port_mappings.h"
#include "conf/base/util.h"

/* Do both apply to some of the same packets? */
static bool overlap(const struct port_mapping *a, const struct port_mapping *b)
{
	if (a->protocol != b->protocol || a->host_port != b->host_port)
		return false;
	if (a->host_ip.family && b->host_ip.family &&
	    a->host_ip.family != b->host_ip.family)
		return false;
	return port_mapping_is_wild(a) || port_mapping_is_wild(b) ||
	       ip_equal(&a->host_ip, &b->host_ip);
}

static int order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* Sorts entries by port; those of one port stay in the order in which they were given. */
static int by_port(const void *left, const void *right)
{
	const struct port_mapping *const *a = left, *const *b = right;
	int ret = order((*a)->protocol, (*b)->protocol);

	if (ret == 0)
		ret = order((*a)->host_port, (*b)->host_port);
	return ret ? ret : (*a > *b) - (*a < *b);
}

/* Sorts mappings by address, and those of one address by port. */
static int by_address(const void *left, const void *right)
{
	const struct port_mapping *a = left, *b = right;
	int ret = order(a->protocol, b->protocol);

	if (ret == 0)
		ret = ip_cmp(&a->host_ip, &b->host_ip);
	return ret ? ret : order(a->host_port, b->host_port);
}

/* Makes a sorted array of pointers to @entries; a NULL is behind the last. The caller
 * frees it. Returns NULL without memory. */
static const struct port_mapping **sorted(const struct port_mapping_list *entries)
{
	const struct port_mapping **list = calloc(entries->n + 1,
						  sizeof(struct port_mapping *));

	for (size_t i = 0; list && i < entries->n; i++)
		list[i] = &entries->items[i];
	if (list)
		qsort(list, entries->n, sizeof(struct port_mapping *), by_port);
	return list;
}

/* Counts the first entries of @list, which has at least one, that are of the same
 * port. */
static size_t group_of(const struct port_mapping *const *list)
{
	size_t i = 1;

	while (list[i] && list[i]->protocol == list[0]->protocol &&
	       list[i]->host_port == list[0]->host_port)
		i++;
	return i;
}

/* Returns the first entry of the group that maps all addresses of the family, or NULL. */
static const struct port_mapping *wild_of(const struct port_mapping *const *group,
					  size_t n, int family)
{
	for (size_t i = 0; i < n; i++) {
		assert(group[i]);
		if (port_mapping_is_wild(group[i]) &&
		    port_mapping_is_for(group[i], family))
			return group[i];
	}
	return NULL;
}

static bool is_repeated(const struct port_mapping *const *group, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (ip_equal(&group[k]->host_ip, &group[i]->host_ip))
			return true;
	return false;
}

static void list_add(struct port_mapping_list *list, const struct port_mapping *mapping,
		     int family)
{
	struct port_mapping *item = &list->items[list->n++];

	*item = *mapping;
	item->count = 1;
	if (port_mapping_is_wild(mapping))
		item->host_ip = (struct ip_addr){.family = family};
}

/* Adds the entries of one port, except those that another entry covers: one for all
 * addresses covers all others. */
static void group_reduce(const struct port_mapping *const *group, size_t n,
			 struct port_mapping_list *list)
{
	const struct port_mapping *all4 = wild_of(group, n, AF_INET);
	const struct port_mapping *all6 = wild_of(group, n, AF_INET6);

	if (all4 && all6 && all4->container_port == all6->container_port) {
		list_add(list, all4, 0);
	} else {
		if (all4)
			list_add(list, all4, AF_INET);
		if (all6)
			list_add(list, all6, AF_INET6);
	}
	for (size_t i = 0; i < n; i++)
		if (!port_mapping_is_wild(group[i]) && !is_repeated(group, i) &&
		    !(group[i]->host_ip.family == AF_INET ? all4 : all6))
			list_add(list, group[i], 0);
}

static bool follows(const struct port_mapping *run, const struct port_mapping *next)
{
	return run->protocol == next->protocol &&
	       ip_equal(&run->host_ip, &next->host_ip) &&
	       run->host_port + run->count == next->host_port &&
	       run->container_port + run->count == next->container_port;
}

static void runs_join(struct port_mapping_list *list)
{
	size_t n = 0;

	qsort(list->items, list->n, sizeof(*list->items), by_address);
	for (size_t i = 0; i < list->n; i++) {
		if (n > 0 && follows(&list->items[n - 1], &list->items[i]))
			list->items[n - 1].count++;
		else
			list->items[n++] = list->items[i];
	}
	list->n = n;
}

int port_mappings_merge(const struct port_mapping_list *entries,
			struct port_mapping_list *ret_list)
{
	_cleanup_(free_p) const struct port_mapping **given = sorted(entries);
	/* A port of all addresses may have two targets, one for each family. */
	struct port_mapping_list list = {
		.items = calloc(entries->n + 1, sizeof(*list.items)),
	};

	if (!given || !list.items) {
		free(list.items);
		return -ENOMEM;
	}
	for (size_t i = 0; given[i];) {
		size_t n = group_of(given + i);

		group_reduce(given + i, n, &list);
		i += n;
	}
	runs_join(&list);
	*ret_list = list;
	return 0;
}

int port_mappings_contradict(const struct port_mapping_list *entries, size_t *ret_first,
			     size_t *ret_second)
{
	_cleanup_(free_p) const struct port_mapping **given = sorted(entries);

	if (!given)
		return -ENOMEM;
	for (size_t i = 0; given[i];) {
		size_t n = group_of(given + i);

		for (size_t k = i; k < i + n; k++) {
			for (size_t j = i; j < k; j++) {
				if (given[j]->container_port ==
					    given[k]->container_port ||
				    !overlap(given[j], given[k]))
					continue;
				*ret_first = (size_t)(given[j] - entries->items);
				*ret_second = (size_t)(given[k] - entries->items);
				return PORTS_CONTRADICT;
			}
		}
		i += n;
	}
	return 0;
}
