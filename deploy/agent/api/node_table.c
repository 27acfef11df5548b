/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sorted array: the API server lists nodes in the order of their names, so that the
 * array is filled from its start to its end. */
#include "node_table.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "node_mac.h"
#include "prefix_join.h"

/* Gives the name's place in the table. False: it isn't there, and that would be its
 * place. */
static bool find_place(const struct node_table *table, const char *name, size_t *ret_at)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(table->items[middle].name, name);

		if (order == 0) {
			*ret_at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_at = low;
	return false;
}

const struct cluster_node *node_table_find(const struct node_table *table,
					   const char *name)
{
	size_t at;

	return find_place(table, name, &at) ? &table->items[at] : NULL;
}

const char *node_annotation(const struct cluster_node *node, size_t index)
{
	return annotation_text(node->annotations, node->annotations_len, index);
}

const struct cluster_node *node_table_overlap(const struct node_table *table,
					      const struct ip_prefix *prefix)
{
	int family = prefix->addr.family == AF_INET6;

	for (size_t i = 0; i < table->n; i++)
		if (table->items[i].ranges[family] == RANGE_ACCEPTED &&
		    prefix_overlaps(&table->items[i].cidrs[family], prefix))
			return &table->items[i];
	return NULL;
}

static struct node_key key_of(const void *nodes, uint32_t at, int order)
{
	const struct cluster_node *node = (const struct cluster_node *)nodes + at;
	struct node_key key = {};

	if (order == NODE_ORDER_MACS)
		memcpy(key.bytes, node->mac, MAC_LEN);
	else if (order < NODE_ORDER_ADDRESSES)
		memcpy(key.bytes, &node->cidrs[order], sizeof(*node->cidrs));
	else
		memcpy(key.bytes, &node->addresses[order - NODE_ORDER_ADDRESSES],
		       sizeof(*node->addresses));
	return key;
}

/* Puts the Node at this place in order, unless more are to come. */
static void place(struct node_table *table, size_t at)
{
	if (table->listing)
		node_orders_mix(&table->orders);
	node_orders_place(&table->orders, table->n, at, key_of, table->items);
}

int node_table_order(struct node_table *table, struct cni_error *err)
{
	if (node_orders_sort(&table->orders, table->n, key_of, table->items) < 0)
		return error_oom(err);
	return 0;
}

static int grow(struct node_table *table)
{
	size_t size = table->size ? table->size + table->size / 2 : 64;
	struct cluster_node *items;

	if (node_orders_grow(&table->orders, size) < 0)
		return -ENOMEM;
	items = reallocarray(table->items, size, sizeof(*items));
	if (!items)
		return -ENOMEM;
	table->items = items;
	table->size = size;
	return 0;
}

static int insert(struct node_table *table, size_t at, const char *name,
		  struct cni_error *err)
{
	const struct mac_addr mac = node_mac(name);
	struct cluster_node *items;
	char *copy = strdup(name);

	if (!copy || (table->n == table->size && grow(table) < 0)) {
		free(copy);
		return error_oom(err);
	}
	items = table->items;
	memmove(items + at + 1, items + at, (table->n - at) * sizeof(*items));
	items[at] = (struct cluster_node){.name = copy};
	memcpy(items[at].mac, mac.bytes, MAC_LEN);
	node_orders_insert(&table->orders, table->n++, at);
	place(table, at);
	return 0;
}

/* The pods of an accepted podCIDR that the Node loses may go on running there. A Node
 * without an InternalIP of that family is reached by a tunnel over the other one. */
static void note_former(struct node_table *table, const struct cluster_node *node,
			int family)
{
	const struct ip_addr *gateway = &node->addresses[family];

	if (!gateway->family)
		gateway = &node->addresses[!family];
	if (node->ranges[family] == RANGE_ACCEPTED && gateway->family)
		former_ranges_add(&table->former, node->name, &node->cidrs[family],
				  gateway);
}

static void node_free(struct cluster_node *node)
{
	free(node->name);
	free(node->more);
	free(node->annotations);
}

static bool has_more(const struct cluster_node *item, const struct node_object *node)
{
	if (item->n_more != node->n_more)
		return false;
	for (size_t i = 0; i < item->n_more; i++)
		if (!ip_equal(&item->more[i], &node->more[i]))
			return false;
	return true;
}

/* NODE_TABLE_CHANGED: there are others than before. */
static int more_set(struct cluster_node *item, const struct node_object *node,
		    struct cni_error *err)
{
	struct ip_addr *more = NULL;

	if (has_more(item, node))
		return 0;
	if (node->n_more) {
		more = calloc(node->n_more, sizeof(*more));
		if (!more)
			return error_oom(err);
		memcpy(more, node->more, node->n_more * sizeof(*more));
	}
	free(item->more);
	item->more = more;
	item->n_more = (uint8_t)node->n_more;
	return NODE_TABLE_CHANGED;
}

/* NODE_TABLE_CHANGED: there are others than before. */
static int annotations_set(struct node_table *table, struct cluster_node *item,
			   const struct node_object *node, struct cni_error *err)
{
	const struct annotation_texts *texts = &node->annotations;
	char *bytes = NULL;

	item->odd_annotation = node->odd_annotation;
	if (item->annotations_len == texts->len &&
	    (!texts->len || memcmp(item->annotations, texts->bytes, texts->len) == 0))
		return 0;
	if (texts->len) {
		bytes = malloc(texts->len);
		if (!bytes)
			return error_oom(err);
		memcpy(bytes, texts->bytes, texts->len);
	}
	free(item->annotations);
	item->annotations = bytes;
	_Static_assert(sizeof(texts->bytes) <= UINT16_MAX, "the length has its place");
	item->annotations_len = (uint16_t)texts->len;
	if (!table->listing)
		table->annotated++;
	item->annotated = table->annotated;
	return NODE_TABLE_CHANGED;
}

int node_table_set(struct node_table *table, const struct node_object *node,
		   struct cni_error *err)
{
	struct cluster_node *item;
	bool news = false, moved = false;
	size_t at;
	int ret;

	if (!find_place(table, node->name, &at)) {
		ret = insert(table, at, node->name, err);
		if (ret < 0)
			return ret;
		news = true;
	}
	item = &table->items[at];
	ret = more_set(item, node, err);
	if (ret < 0)
		return ret;
	news |= ret == NODE_TABLE_CHANGED;
	ret = annotations_set(table, item, node, err);
	if (ret < 0)
		return ret;
	news |= ret == NODE_TABLE_CHANGED;
	item->round = table->round;
	news |= item->v6_first != node->v6_first;
	item->v6_first = node->v6_first;
	news |= item->address_v6_first != node->address_v6_first;
	item->address_v6_first = node->address_v6_first;
	item->created = node->created;
	for (int i = 0; i < IP_FAMILIES; i++) {
		if (!prefix_equal(&item->cidrs[i], &node->cidrs[i])) {
			moved = true;
			note_former(table, item, i);
			item->cidrs[i] = node->cidrs[i];
			item->ranges[i] = RANGE_UNKNOWN;
		}
		if (!ip_equal(&item->addresses[i], &node->addresses[i])) {
			moved = true;
			item->addresses[i] = node->addresses[i];
			item->internal[i] = ADDRESS_UNKNOWN;
		}
	}
	if (moved)
		place(table, at);
	return news || moved ? NODE_TABLE_CHANGED : 0;
}

void node_table_keep(struct node_table *table, const char *name)
{
	size_t at;

	if (find_place(table, name, &at))
		table->items[at].round = table->round;
}

static void node_forget(struct node_table *table, struct cluster_node *node)
{
	for (int i = 0; i < IP_FAMILIES; i++)
		note_former(table, node, i);
	node_free(node);
}

bool node_table_remove(struct node_table *table, const char *name)
{
	size_t at;

	if (!find_place(table, name, &at))
		return false;
	node_forget(table, &table->items[at]);
	node_orders_remove(&table->orders, table->n--, at);
	memmove(table->items + at, table->items + at + 1,
		(table->n - at) * sizeof(*table->items));
	return true;
}

void node_table_list_begin(struct node_table *table)
{
	table->round++;
	table->listing = true;
	table->annotated++;
}

size_t node_table_list_end(struct node_table *table)
{
	size_t kept = 0, gone;

	table->listing = false;
	for (size_t i = 0; i < table->n; i++) {
		if (table->items[i].round == table->round)
			table->items[kept++] = table->items[i];
		else
			node_forget(table, &table->items[i]);
	}
	gone = table->n - kept;
	table->n = kept;
	if (gone)
		node_orders_reset(&table->orders, kept);
	return gone;
}

void node_table_clear(struct node_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		node_free(&table->items[i]);
	free(table->items);
	node_orders_clear(&table->orders);
	former_ranges_clear(&table->former);
	*table = (struct node_table){};
}

static void add_address(struct prefix_list *list, const struct ip_addr *addr)
{
	/* bridge-cni takes no prefix of IPv4-mapped ones. */
	if (addr->family && !ip_is_v4_mapped(addr))
		list->items[list->n++] = (struct ip_prefix){*addr,
							    8 * ip_size(addr->family)};
}

int node_table_addresses(const struct node_table *table, const char *own,
			 struct prefix_list *ret_list, struct cni_error *err)
{
	const struct cluster_node *own_node = node_table_find(table, own);
	struct prefix_list list = {};
	size_t max = 1;

	for (size_t i = 0; i < table->n; i++)
		max += IP_FAMILIES + table->items[i].n_more;
	list.items = reallocarray(NULL, max, sizeof(*list.items));
	if (!list.items)
		return error_oom(err);
	for (int family = 0; family < IP_FAMILIES; family++)
		for (size_t i = 0; i < table->n; i++) {
			const struct cluster_node *node =
				node_ordered(table, table->orders.addresses[family], i);

			if (node != own_node)
				add_address(&list, &node->addresses[family]);
		}
	for (size_t i = 0; i < table->n; i++)
		for (size_t k = 0;
		     &table->items[i] != own_node && k < table->items[i].n_more; k++)
			add_address(&list, &table->items[i].more[k]);
	prefix_join(&list);
	*ret_list = list;
	return 0;
}

int node_table_cidrs(const struct node_table *table, const struct prefix_list *more,
		     bool former, struct prefix_list *ret_list, struct cni_error *err)
{
	const struct former_ranges *ranges = &table->former;
	struct prefix_list list = {
		.items = reallocarray(NULL,
				      IP_FAMILIES * table->n + ranges->n + more->n + 1,
				      sizeof(*list.items)),
	};

	if (!list.items)
		return error_oom(err);
	for (int family = 0; family < IP_FAMILIES; family++)
		for (size_t i = 0; i < table->n; i++) {
			const struct cluster_node *node =
				node_ordered(table, table->orders.cidrs[family], i);

			if (node->ranges[family] == RANGE_ACCEPTED)
				list.items[list.n++] = node->cidrs[family];
		}
	for (size_t i = 0; i < more->n; i++)
		list.items[list.n++] = more->items[i];
	for (size_t i = 0; former && i < ranges->n; i++)
		if (ranges->items[i].routed)
			list.items[list.n++] = ranges->items[i].cidr;
	prefix_join(&list);
	*ret_list = list;
	return 0;
}
