/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which attachments are dead, and which addresses are outside the ranges: questions to the
 * store as a whole, asked when addresses run short or rules are written. What boots that
 * are over left is rebuild.c's.
 */
#include <errno.h>
#include <string.h>

#include "allocator.h"
#include "operation.h"
#include "owned.h"

void ipam_owner_list_clear(struct ipam_owner_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].container_id);
		free(list->items[i].ifname);
	}
	free(list->items);
	*list = (struct ipam_owner_list){};
}

int ipam_owner_list_add(struct ipam_owner_list *list, const char *container_id,
			const char *ifname)
{
	struct ipam_owner owner, *grown;

	grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	owner.container_id = strdup(container_id);
	owner.ifname = strdup(ifname);
	if (!owner.container_id || !owner.ifname) {
		free(owner.container_id);
		free(owner.ifname);
		return -ENOMEM;
	}
	grown[list->n++] = owner;
	return 0;
}

int ipam_dead(struct attachment *att, struct ipam_owner_list *ret_list,
	      struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list list = {};
	_cleanup_(record_walk_end) struct record_walk walk = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	uint64_t hash;
	int r;

	r = operation_open(att, STORE_EXISTING, &store, err);
	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	r = operation_index(&store, att, err);
	if (r == 0)
		r = operation_refresh(&store, att, err);
	if (r < 0)
		return r;
	while (store_record_next(&store, &walk, &hash) > 0) {
		_cleanup_(record_clear) struct record record = {};

		if (store_record_read(&store, hash, &record) < 0 ||
		    owner_hash(record.container_id, record.ifname) != hash ||
		    operation_life(&store, att, &record) == IPAM_ALIVE)
			continue;
		if (ipam_owner_list_add(&list, record.container_id, record.ifname) < 0)
			return error_oom(err);
	}
	*ret_list = list;
	list = (struct ipam_owner_list){};
	return 0;
}

int ipam_life(struct attachment *att, enum ipam_life *ret_life, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int r;

	*ret_life = IPAM_ALIVE;
	r = operation_open(att, STORE_EXISTING, &store, err);
	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	r = operation_index(&store, att, err);
	if (r < 0)
		return r;
	if (store_record_read(&store, operation_hash(att), &record) == 0 &&
	    record_is_of(&record, att->conf.name, att->env.container_id, att->env.ifname))
		*ret_life = operation_life(&store, att, &record);
	return 0;
}

struct span_list {
	struct ip_span *items;
	size_t n;
};

static int span_add(struct span_list *list, struct ip_span span)
{
	struct ip_span *grown;

	grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	grown[list->n++] = span;
	return 0;
}

/* The range of the configuration with the lowest start that has a part of @span. */
static const struct ip_range *first_overlap(const struct ipam_conf *conf,
					    const struct ip_span *span)
{
	const struct ip_range *first = NULL;

	for (size_t i = conf->runtime_sets; i < conf->sets.n; i++) {
		for (size_t k = 0; k < conf->sets.items[i].n; k++) {
			const struct ip_range *range = &conf->sets.items[i].ranges[k];

			if (ip_cmp(&range->end, &span->from) >= 0 &&
			    ip_cmp(&range->start, &span->to) <= 0 &&
			    (!first || ip_cmp(&range->start, &first->start) < 0))
				first = range;
		}
	}
	return first;
}

/* The address before; there is one: @ip is behind another. */
static struct ip_addr ip_before(struct ip_addr ip)
{
	for (unsigned int i = ip_size(ip.family); i-- > 0;)
		if (ip.bytes[i]-- != 0)
			break;
	return ip;
}

/* Adds what of @span lies outside the configured ranges. */
static int span_cut(const struct ipam_conf *conf, struct ip_span span,
		    struct span_list *list)
{
	const struct ip_range *range;

	while ((range = first_overlap(conf, &span))) {
		if (ip_cmp(&span.from, &range->start) < 0 &&
		    span_add(list, (struct ip_span){span.from, ip_before(range->start)}) <
			    0)
			return -ENOMEM;
		if (ip_cmp(&span.to, &range->end) <= 0)
			return 0;
		(void)ip_next(&range->end, &span.from); /* span.to is behind it */
	}
	return span_add(list, span);
}

int ipam_outside(struct attachment *att, struct ip_span **ret_spans, size_t *ret_n,
		 struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(free_p) struct taken_run *runs = NULL;
	struct span_list list = {};
	size_t n = 0;
	int r;

	*ret_spans = NULL;
	*ret_n = 0;
	r = operation_open(att, STORE_EXISTING, &store, err);
	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	r = operation_index(&store, att, err);
	if (r < 0)
		return r;
	r = table_runs(&store.table, &runs, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = span_cut(&att->conf.ipam, (struct ip_span){runs[i].from, runs[i].to},
			     &list);
	if (r < 0) {
		free(list.items);
		return error_oom(err);
	}
	*ret_spans = list.items;
	*ret_n = list.n;
	return 0;
}
