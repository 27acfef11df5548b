/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses are chosen by the index, written down in the record, taken by their files, in
 * this order: killed at any point, an ADD leaves nothing, or a record that names all that
 * it may have taken. A reservation's inode and mtime are known while it is still aside, so
 * the record is right from the start (ctime changes as the file is put in place).
 */
#include "reserve_sets.h"

#include <errno.h>

#include "conf/identity.h"
#include "allocator.h"
#include "ipam/store/index.h"

/* An address that is to be taken. */
struct choice {
	struct ip_addr ip;
	struct last_file last;
	struct file_mark mark;
	bool placed;
};

struct plan {
	const struct plan_order *order;
	struct choice *choices; /* one of each range set */
	size_t n;
	bool recorded;
};

static void plan_clear(struct plan *plan)
{
	for (size_t i = 0; plan->choices && i < plan->n; i++)
		last_close(&plan->choices[i].last);
	free(plan->choices);
}

static int choose(struct store *store, struct plan *plan, struct cni_error *err)
{
	const struct plan_order *order = plan->order;

	for (size_t i = 0; i < plan->n; i++) {
		struct choice *choice = &plan->choices[i];
		int r;

		store_last_get(store, i, &choice->last);
		choice->ip = order->requests[i];
		if (choice->ip.family != 0)
			r = allocator_requested(store, &choice->ip, err);
		else
			r = allocator_next(store, order->sets, i, &choice->last.ip,
					   &choice->ip, err);
		if (table_error(&store->table) < 0) {
			error_clear(err);
			return -EAGAIN;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static void fill_ips(const struct plan *plan, struct ip_config *ips)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct ip_addr *ip = &plan->choices[i].ip;
		const struct ip_range *range =
			range_set_find(&plan->order->sets->items[i], ip);

		ips[i] = (struct ip_config){
			.address = {.addr = *ip, .len = range->subnet.len},
			.gateway = range->gateway,
			.interface = -1,
		};
	}
}

/* The record with the addresses, whose files are aside by now. */
static int write_record(struct store *store, struct plan *plan,
			const struct ip_config *ips, struct cni_error *err)
{
	_cleanup_(free_p) struct record_address *addresses = NULL;
	struct record record = *plan->order->record;

	addresses = calloc(plan->n, sizeof(*addresses));
	if (!addresses)
		return error_oom(err);
	for (size_t i = 0; i < plan->n; i++)
		addresses[i] = (struct record_address){
			.address = ips[i].address,
			.gateway = ips[i].gateway,
			.reserved = true,
			.mark = plan->choices[i].mark,
		};
	if (!record.mac.set)
		record.mac = identity_mac_of_ip(&ips[0].address.addr);
	record.addresses = addresses;
	record.n = plan->n;
	plan->recorded = true;
	return store_record_write(store, &record, err);
}

/* Makes room for it where the file that is in the way is nobody's. */
static int place(struct store *store, unsigned int n, const struct ip_addr *ip,
		 struct cni_error *err)
{
	struct owner_text text;
	int r;

	r = store_place(store, n, ip, err);
	if (r != -EEXIST)
		return r;
	if (store_owner_of(store, ip, &text) < 0 || text.len > 0)
		return -EAGAIN;
	r = store_remove(store, ip, err);
	if (r == 0)
		r = store_place(store, n, ip, err);
	return r == -EEXIST ? -EAGAIN : r;
}

static int take(struct store *store, struct plan *plan, struct cni_error *err)
{
	for (size_t i = plan->n; i-- > 0;) {
		int r = place(store, (unsigned int)i, &plan->choices[i].ip, err);

		if (r < 0)
			return r;
		plan->choices[i].placed = true;
	}
	for (size_t i = 0; i < plan->n; i++) {
		int r = store_last_put(store, i, &plan->choices[i].last,
				       &plan->choices[i].ip, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_down(struct store *store, struct plan *plan, struct ip_config *ips,
		      struct cni_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n; i++)
		r = store_prepare(store, (unsigned int)i, &plan->order->owner,
				  &plan->choices[i].mark, err);
	if (r == 0 && plan->order->record)
		r = write_record(store, plan, ips, err);
	return r;
}

/* Reservations first, the record last, as DEL does it. */
static _noinline_ void undo(struct store *store, const struct plan *plan,
			    struct cni_error *err)
{
	const struct owner *owner = &plan->order->owner;
	struct cni_error own = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n; i++)
		if (plan->choices[i].placed)
			r = store_remove(store, &plan->choices[i].ip, &own);
	if (r == 0 && plan->recorded)
		r = store_record_remove(
			store, owner_hash(owner->container_id, owner->ifname), &own);
	if (r < 0 && err->code)
		error_details(err, "not given back: %s", own.msg);
	store_discard(store);
}

int plan_carry_out(struct store *store, const struct plan_order *order,
		   struct ip_config *ret_ips, struct cni_error *err)
{
	_cleanup_(plan_clear) struct plan plan = {.order = order, .n = order->sets->n};
	const struct owner *owner = &order->owner;
	int r;

	plan.choices = calloc(plan.n, sizeof(*plan.choices));
	if (!plan.choices)
		return error_oom(err);
	for (size_t i = 0; i < plan.n; i++)
		plan.choices[i].last = LAST_CLOSED;
	r = choose(store, &plan, err);
	if (r < 0)
		return r;
	fill_ips(&plan, ret_ips);
	r = write_down(store, &plan, ret_ips, err);
	if (r == 0)
		r = take(store, &plan, err);
	if (r < 0) {
		undo(store, &plan, err);
		return r;
	}
	for (size_t i = 0; i < plan.n; i++)
		table_add(&store->table,
			  &(struct table_entry){
				  .ip = plan.choices[i].ip,
				  .owner = owner_hash(owner->container_id, owner->ifname),
				  .mark = plan.choices[i].mark,
				  .seen = store->table.head.boots,
			  });
	index_save(store);
	return 0;
}
