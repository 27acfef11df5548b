/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses are taken: a chunk has a bit for each of 256 neighbouring ones. */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "table_slots.h"

#define NOT_FOUND UINT32_MAX

static struct table_slot chunk_of(const struct ip_addr *ip)
{
	struct table_slot slot = {
		.kind = SLOT_CHUNK,
		.family = ip->family == AF_INET ? 4 : 6,
	};

	memcpy(slot.addr, ip->bytes, sizeof(slot.addr));
	slot.addr[ip_size(ip->family) - 1] = 0;
	return slot;
}

static unsigned int last_byte(const struct ip_addr *ip)
{
	return ip->bytes[ip_size(ip->family) - 1];
}

/* Gives address @n of the chunk that @ip is in. */
static struct ip_addr nth(const struct ip_addr *ip, unsigned int n)
{
	struct ip_addr addr = *ip;

	addr.bytes[ip_size(ip->family) - 1] = (uint8_t)n;
	return addr;
}

static bool bit_get(const struct table_slot *chunk, unsigned int n)
{
	return chunk->taken[n / 8] >> n % 8 & 1;
}

/* Finds the slot of @ip's chunk, and copies it. NOT_FOUND: the copy has nothing taken. */
static uint32_t chunk_find(struct table *table, const struct ip_addr *ip,
			   struct table_slot *ret_chunk)
{
	struct table_slot key = chunk_of(ip);
	uint32_t i = table_slot_home(table, &key);

	for (uint32_t n = 0; n < table->head.slots; n++) {
		struct table_slot slot = table_slot_get(table, i);

		if (slot.kind == SLOT_FREE)
			break;
		if (slot.kind == SLOT_CHUNK && slot.family == key.family &&
		    memcmp(slot.addr, key.addr, sizeof(key.addr)) == 0) {
			*ret_chunk = slot;
			return i;
		}
		i = (i + 1) % table->head.slots;
	}
	*ret_chunk = key;
	return NOT_FOUND;
}

void table_take(struct table *table, const struct ip_addr *ip)
{
	struct table_slot chunk;
	uint32_t i = chunk_find(table, ip, &chunk);
	unsigned int n = last_byte(ip);

	chunk.taken[n / 8] |= (uint8_t)(1 << n % 8);
	if (i == NOT_FOUND)
		table_slot_insert(table, &chunk);
	else
		table_slot_set(table, i, &chunk);
}

void table_free(struct table *table, const struct ip_addr *ip)
{
	static const uint8_t none[sizeof((struct table_slot *)0)->taken] = {};
	struct table_slot chunk;
	uint32_t i = chunk_find(table, ip, &chunk);
	unsigned int n = last_byte(ip);

	if (i == NOT_FOUND)
		return;
	chunk.taken[n / 8] &= (uint8_t) ~(1 << n % 8);
	if (memcmp(chunk.taken, none, sizeof(none)) == 0)
		table_slot_erase(table, i);
	else
		table_slot_set(table, i, &chunk);
}

bool table_is_taken(struct table *table, const struct ip_addr *ip)
{
	struct table_slot chunk;

	return chunk_find(table, ip, &chunk) != NOT_FOUND &&
	       bit_get(&chunk, last_byte(ip));
}

/* Gives the first address of the chunk after @ip's; false: that is behind @to. */
static bool next_chunk(const struct ip_addr *ip, const struct ip_addr *to,
		       struct ip_addr *ret_ip)
{
	struct ip_addr last = nth(ip, 255), next;

	if (!ip_next(&last, &next) || ip_cmp(&next, to) > 0)
		return false;
	*ret_ip = next;
	return true;
}

bool table_next_free(struct table *table, const struct ip_addr *from,
		     const struct ip_addr *to, struct ip_addr *ret_ip)
{
	struct ip_addr ip = *from;

	do {
		struct table_slot chunk;
		unsigned int n = last_byte(&ip);

		chunk_find(table, &ip,
			   &chunk); /* a chunk that isn't found has nothing taken */
		while (n < 256 && bit_get(&chunk, n))
			n++;
		if (n < 256) {
			ip = nth(&ip, n);
			if (ip_cmp(&ip, to) > 0)
				return false;
			*ret_ip = ip;
			return true;
		}
	} while (next_chunk(&ip, to, &ip));
	return false;
}

/* Counts the taken addresses from @from to @to in the chunk that @base is in. */
static size_t count_in(const struct table_slot *chunk, const struct ip_addr *base,
		       const struct ip_addr *from, const struct ip_addr *to)
{
	size_t count = 0;

	for (unsigned int n = 0; n < 256; n++) {
		struct ip_addr ip = nth(base, n);

		count += bit_get(chunk, n) && ip_cmp(&ip, from) >= 0 &&
			 ip_cmp(&ip, to) <= 0;
	}
	return count;
}

static struct ip_addr chunk_base(const struct table_slot *chunk)
{
	struct ip_addr base = {.family = chunk->family == 4 ? AF_INET : AF_INET6};

	memcpy(base.bytes, chunk->addr, sizeof(base.bytes));
	return base;
}

size_t table_count(struct table *table, const struct ip_addr *from,
		   const struct ip_addr *to)
{
	struct ip_addr ip = *from;
	size_t count = 0, chunks = 0;

	do {
		struct table_slot chunk;

		if (chunk_find(table, &ip, &chunk) != NOT_FOUND)
			count += count_in(&chunk, &ip, from, to);
		/* A range may have more chunks than the table has slots: then all slots
		 * are gone through instead. */
		if (++chunks < table->head.slots / 4)
			continue;
		count = 0;
		for (uint32_t i = 0; i < table->head.slots; i++) {
			struct table_slot slot = table_slot_get(table, i);
			struct ip_addr base = chunk_base(&slot);

			if (slot.kind == SLOT_CHUNK && base.family == from->family)
				count += count_in(&slot, &base, from, to);
		}
		break;
	} while (next_chunk(&ip, to, &ip));
	return count;
}

static int compare_spans(const void *a, const void *b)
{
	const struct ip_span *x = a, *y = b;

	return ip_cmp(&x->from, &y->from);
}

/* Adds @ip to the last span where that ends right before it, else as a span of its own.
 * @room says for how many spans there is room. */
static int spans_append(struct ip_span_list *list, size_t *room, const struct ip_addr *ip)
{
	struct ip_span *last = list->n ? &list->items[list->n - 1] : NULL, *grown;
	struct ip_addr next;

	if (last && ip_next(&last->to, &next) && ip_equal(&next, ip)) {
		last->to = *ip;
		return 0;
	}
	if (list->n == *room) {
		*room = *room ? 2 * *room : 64;
		grown = reallocarray(list->items, *room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		list->items = grown;
	}
	list->items[list->n++] = (struct ip_span){*ip, *ip};
	return 0;
}

/* Sorts the spans, and joins those that touch. */
static void spans_join(struct ip_span_list *list)
{
	size_t kept = 0;

	if (list->n == 0)
		return;
	qsort(list->items, list->n, sizeof(*list->items), compare_spans);
	for (size_t i = 1; i < list->n; i++) {
		struct ip_addr next;

		if (ip_next(&list->items[kept].to, &next) &&
		    ip_equal(&next, &list->items[i].from))
			list->items[kept].to = list->items[i].to;
		else
			list->items[++kept] = list->items[i];
	}
	list->n = kept + 1;
}

int table_taken_spans(struct table *table, struct ip_span_list *ret_spans)
{
	struct ip_span_list list = {};
	size_t room = 0;

	for (uint32_t i = 0; i < table->head.slots; i++) {
		struct table_slot slot = table_slot_get(table, i);
		struct ip_addr base = chunk_base(&slot);

		for (unsigned int n = 0; slot.kind == SLOT_CHUNK && n < 256; n++) {
			struct ip_addr ip = nth(&base, n);

			if (bit_get(&slot, n) && spans_append(&list, &room, &ip) < 0) {
				free(list.items);
				return -ENOMEM;
			}
		}
	}
	spans_join(&list);
	*ret_spans = list;
	return 0;
}
