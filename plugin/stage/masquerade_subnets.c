/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes lists of prefixes from range sets. */
#include "masquerade_subnets.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Two prefixes have no address in common, or one lies in the other. */
void masquerade_prefix_add(struct prefix_list *list, const struct ip_prefix *prefix)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].len <= prefix->len &&
		    prefix_contains(&list->items[i], &prefix->addr))
			return;
	for (size_t i = 0; i < list->n; i++)
		if (!prefix_contains(prefix, &list->items[i].addr))
			list->items[kept++] = list->items[i];
	list->items[kept++] = *prefix;
	list->n = kept;
}

void masquerade_subnets_add(const struct range_set_list *sets, int family,
			    struct prefix_list *list)
{
	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++)
			if (sets->items[i].ranges[k].subnet.addr.family == family)
				masquerade_prefix_add(list,
						      &sets->items[i].ranges[k].subnet);
}

size_t masquerade_subnets_max(const struct range_set_list *sets)
{
	size_t max = 0;

	for (size_t i = 0; i < sets->n; i++)
		max += sets->items[i].n;
	return max;
}

struct range_set_list masquerade_fixed_sets(const struct network *network)
{
	const struct ipam_conf *ipam = &network->ipam;

	return (struct range_set_list){
		.items = ipam->sets.items + ipam->runtime_sets,
		.n = ipam->sets.n - ipam->runtime_sets,
	};
}

int masquerade_kept_add(const struct network *network, const struct range_set_list *sets,
			int family, struct prefix_list *list)
{
	static const struct ip_prefix multicast4 = {{AF_INET, {224}}, 4};
	static const struct ip_prefix multicast6 = {{AF_INET6, {0xff}}, 8};
	const struct range_set_list fixed = masquerade_fixed_sets(network);
	size_t max = masquerade_subnets_max(sets) + masquerade_subnets_max(&fixed) + 1 +
		     network->non_masquerade.n;
	struct ip_prefix *grown = reallocarray(list->items, list->n + max,
					       sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->items = grown;
	masquerade_prefix_add(list, family == AF_INET ? &multicast4 : &multicast6);
	masquerade_subnets_add(sets, family, list);
	masquerade_subnets_add(&fixed, family, list);
	for (size_t i = 0; i < network->non_masquerade.n; i++)
		if (network->non_masquerade.items[i].addr.family == family)
			masquerade_prefix_add(list, &network->non_masquerade.items[i]);
	return 0;
}
