/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses are first chosen by the index, then written down in the record, then taken by
 * putting their files in place. So an ADD that is killed at any point leaves nothing, or
 * a record that names all that it may have taken. A reservation's inode and mtime are
 * known while the file is still aside, so the record is right from the start (ctime
 * changes as the file is put in place).
 */
#include "take_addresses.h"

#include "conf/identity.h"
#include "allocator.h"
#include "ipam/store/index.h"

/* An address of one range set that is to be taken. */
struct choice {
	struct ip_addr ip;
	struct last_file last;
	struct file_mark mark;
	bool placed;
};

struct plan {
	const struct address_order *order;
	struct choice *choices; /* one of each range set */
	size_t n;
	bool recorded; /* the record may have been written */
};

static void plan_clear(struct plan *plan)
{
	for (size_t i = 0; plan->choices && i < plan->n; i++)
		last_close(&plan->choices[i].last);
	free(plan->choices);
}

static int choose(struct store *store, struct plan *plan, struct cni_error *err)
{
	const struct address_order *order = plan->order;

	for (size_t i = 0; i < plan->n; i++) {
		struct choice *choice = &plan->choices[i];
		int ret;

		store_last_get(store, i, &choice->last);
		choice->ip = order->requests[i];
		if (choice->ip.family != 0)
			ret = allocator_requested(store, &choice->ip, err);
		else
			ret = allocator_next(store, order->sets, i, &choice->last.ip,
					     &choice->ip, err);
		if (table_error(&store->table) < 0) {
			error_clear(err);
			return TAKE_INDEX_IS_WRONG;
		}
		if (ret < 0)
			return ret;
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

/* Writes the record with the addresses, whose files are aside by now. */
static int write_record(struct store *store, struct plan *plan,
			const struct ip_config *ips, struct cni_error *err)
{
	struct record *record = plan->order->record;
	struct record_address *addresses = calloc(plan->n, sizeof(*addresses));
	struct mac_addr asked = record->mac;
	int ret;

	if (!addresses)
		return error_oom(err);
	for (size_t i = 0; i < plan->n; i++)
		addresses[i] = (struct record_address){
			.address = ips[i].address,
			.gateway = ips[i].gateway,
			.reserved = true,
			.mark = plan->choices[i].mark,
		};
	free(record->addresses);
	record->addresses = addresses;
	record->n = plan->n;
	if (!asked.set)
		record->mac = identity_mac_of_ip(&ips[0].address.addr);
	plan->recorded = true;
	ret = store_record_write(store, record, err);
	/* Where the index is wrong, the next try may take another address. */
	record->mac = asked;
	return ret;
}

/* Puts reservation number @n in place. An empty file that is in the way is nobody's, and
 * is removed. */
static int place(struct store *store, unsigned int n, const struct ip_addr *ip,
		 struct cni_error *err)
{
	struct holder_text text;
	int ret;

	ret = store_place(store, n, ip, err);
	if (ret != STORE_TAKEN)
		return ret;
	if (store_holder_of(store, ip, &text) < 0 || text.len > 0)
		return TAKE_INDEX_IS_WRONG;
	ret = store_remove(store, ip, err);
	if (ret == 0)
		ret = store_place(store, n, ip, err);
	return ret == STORE_TAKEN ? TAKE_INDEX_IS_WRONG : ret;
}

static int take(struct store *store, struct plan *plan, struct cni_error *err)
{
	for (size_t i = plan->n; i-- > 0;) {
		int ret = place(store, (unsigned int)i, &plan->choices[i].ip, err);

		if (ret != 0)
			return ret;
		plan->choices[i].placed = true;
	}
	for (size_t i = 0; i < plan->n; i++) {
		int ret = store_last_put(store, i, &plan->choices[i].last,
					 &plan->choices[i].ip, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int write_down(struct store *store, struct plan *plan, struct ip_config *ips,
		      struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < plan->n; i++)
		ret = store_prepare(store, (unsigned int)i, &plan->order->holder,
				    &plan->choices[i].mark, err);
	if (ret == 0 && plan->order->record)
		ret = write_record(store, plan, ips, err);
	return ret;
}

/* Gives the reservations back first and removes the record last, as DEL does. */
static _noinline_ void undo(struct store *store, const struct plan *plan,
			    struct cni_error *err)
{
	const struct holder *holder = &plan->order->holder;
	struct cni_error own = {};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < plan->n; i++)
		if (plan->choices[i].placed)
			ret = store_remove(store, &plan->choices[i].ip, &own);
	if (ret == 0 && plan->recorded)
		ret = store_record_remove(
			store, holder_hash(holder->container_id, holder->ifname), &own);
	if (ret < 0)
		error_details(err, "not given back: %s", own.msg);
	store_discard(store);
}

int take_addresses(struct store *store, const struct address_order *order,
		   struct ip_config *ret_ips, struct cni_error *err)
{
	_cleanup_(plan_clear) struct plan plan = {.order = order, .n = order->sets->n};
	const struct holder *holder = &order->holder;
	int ret;

	plan.choices = calloc(plan.n, sizeof(*plan.choices));
	if (!plan.choices)
		return error_oom(err);
	for (size_t i = 0; i < plan.n; i++)
		plan.choices[i].last = LAST_CLOSED;
	ret = choose(store, &plan, err);
	if (ret != 0)
		return ret;
	fill_ips(&plan, ret_ips);
	ret = write_down(store, &plan, ret_ips, err);
	if (ret == 0)
		ret = take(store, &plan, err);
	if (ret != 0) {
		undo(store, &plan, ret < 0 ? err : NULL);
		return ret;
	}
	for (size_t i = 0; i < plan.n; i++)
		table_add(&store->table,
			  &(struct table_entry){
				  .ip = plan.choices[i].ip,
				  .holder = holder_hash(holder->container_id,
							holder->ifname),
				  .mark = plan.choices[i].mark,
				  .seen = store->table.head.boots,
			  });
	index_save(store);
	return 0;
}
