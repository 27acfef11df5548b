/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the reserved addresses that lie outside of given prefixes, by the index. */
#include <errno.h>

#include "conf/base/list.h"
#include "network_store.h"

static int span_add(struct ip_span_list *list, struct ip_span span)
{
	struct ip_span *added = LIST_ADD(list);

	if (!added)
		return -ENOMEM;
	*added = span;
	return 0;
}

/* Finds the prefix with the lowest addresses that has a part of @span. */
static bool first_overlap(const struct prefix_list *prefixes, const struct ip_span *span,
			  struct ip_span *ret_overlap)
{
	bool found = false;

	for (size_t i = 0; i < prefixes->n; i++) {
		struct ip_span prefix = {
			prefix_network(&prefixes->items[i]).addr,
			prefix_last(&prefixes->items[i]),
		};

		if (ip_cmp(&prefix.to, &span->from) < 0 ||
		    ip_cmp(&prefix.from, &span->to) > 0 ||
		    (found && ip_cmp(&prefix.from, &ret_overlap->from) >= 0))
			continue;
		*ret_overlap = prefix;
		found = true;
	}
	return found;
}

/* The address before @ip, which must be behind another one. */
static struct ip_addr ip_before(struct ip_addr ip)
{
	for (unsigned int i = ip_size(ip.family); i-- > 0;)
		if (ip.bytes[i]-- != 0)
			break;
	return ip;
}

/* Adds those parts of @span that lie outside of all prefixes. */
static int span_cut(const struct prefix_list *prefixes, struct ip_span span,
		    struct ip_span_list *list)
{
	struct ip_span overlap;

	while (first_overlap(prefixes, &span, &overlap)) {
		struct ip_span before = {span.from, ip_before(overlap.from)};

		if (ip_cmp(&span.from, &overlap.from) < 0 && span_add(list, before) < 0)
			return -ENOMEM;
		if (ip_cmp(&span.to, &overlap.to) <= 0)
			return 0;
		(void)ip_next(&overlap.to, &span.from); /* span.to is behind it */
	}
	return span_add(list, span);
}

static void span_list_clear(struct ip_span_list *list)
{
	free(list->items);
}

static void prefix_list_clear(struct prefix_list *list)
{
	free(list->items);
}

/* Makes room for @more entries. -ENOMEM. */
static int prefix_list_grow(struct prefix_list *list, size_t more)
{
	struct ip_prefix *grown;

	grown = reallocarray(list->items, list->n + more + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	return 0;
}

/* Adds the addresses of the record. -ENOMEM. */
static int addresses_add(const struct record *record, struct prefix_list *list)
{
	if (prefix_list_grow(list, record->n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < record->n; i++) {
		const struct ip_addr *ip = &record->addresses[i].address.addr;

		list->items[list->n++] = (struct ip_prefix){*ip, ip_bits(ip->family)};
	}
	return 0;
}

struct search {
	const char *spared; /* a bridge whose records are passed over; NULL: none */
	struct prefix_list *list;
};

static int recorded_add(struct record *record, uint64_t holder, void *data,
			struct cni_error *err)
{
	const struct search *search = data;

	(void)holder;
	if (search->spared && record_is_on(record, search->spared))
		return 0;
	return addresses_add(record, search->list) < 0 ? error_oom(err) : 0;
}

int ipam_reserved_outside(const struct ipam_env *env, const struct prefix_list *prefixes,
			  bool recorded, struct ip_span_list *ret_list,
			  struct cni_error *err)
{
	_cleanup_(prefix_list_clear) struct prefix_list inside = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(span_list_clear) struct ip_span_list taken = {};
	struct search search = {recorded ? env->bridge : NULL, &inside};
	struct ip_span_list list = {};
	int ret;

	if (prefix_list_grow(&inside, prefixes->n) < 0)
		return error_oom(err);
	for (size_t i = 0; i < prefixes->n; i++)
		inside.items[inside.n++] = prefixes->items[i];
	ret = network_store_open(env, STORE_EXISTING, &store, err);
	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	ret = network_store_index(&store, env, err);
	if (ret == 0)
		ret = store_record_each(&store, recorded_add, &search, err);
	if (ret < 0)
		return ret;
	ret = table_taken_spans(&store.table, &taken);
	for (size_t i = 0; ret == 0 && i < taken.n; i++)
		ret = span_cut(&inside, taken.items[i], &list);
	if (ret < 0) {
		free(list.items);
		return error_oom(err);
	}
	*ret_list = list;
	return 0;
}
