/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of the bridge's pods are held against the configuration list. */
#include "former_pods.h"

#include <string.h>
#include <sys/socket.h>

#include "conf/base/list.h"
#include "conf/base/printable.h"
#include "conf/identity.h"
#include "port_pod.h"

void former_pods_clear(struct former_pods *pods)
{
	free(pods->addresses.items);
	free(pods->named);
	*pods = (struct former_pods){};
}

struct search {
	const struct conflist *list;
	const struct node_table *nodes;
	struct former_pods found;
	struct ip_prefix range; /* that was looked up last ... */
	const struct cluster_node *rival; /* ... and the Node that has addresses of it */
};

/* Was the pod's ADD told of the address's range (runtimeConfig.ipRanges)? */
static bool is_asked(const struct record *record, const struct ip_addr *addr)
{
	for (size_t i = 0; i < record->ranges_n; i++)
		if (prefix_contains(&record->ranges[i], addr))
			return true;
	return false;
}

/* Where an address of another IPAM plugin comes from isn't known here. */
static bool is_former(const struct conflist *list, const struct record *record,
		      const struct record_address *item)
{
	int family = item->address.addr.family == AF_INET6;
	const struct ip_prefix *subnet = &list->subnets[family];

	if (!item->reserved || is_asked(record, &item->address.addr))
		return false;
	return !subnet->addr.family || !prefix_contains(subnet, &item->address.addr) ||
	       (list->gateway_ifname[0] &&
		!ip_equal(&item->gateway, &list->gateways[family].addr));
}

static const struct cluster_node *rival_of(struct search *search,
					   const struct ip_prefix *range)
{
	if (!prefix_equal(&search->range, range)) {
		search->range = *range;
		search->rival = node_table_overlap(search->nodes, range);
	}
	return search->rival;
}

static void note_rival(struct former_pods *found, const struct cluster_node *rival,
		       int family)
{
	if (found->rival[0])
		return;
	memcpy(found->rival, rival->name, strnlen(rival->name, NODE_NAME_MAX));
	found->rival_cidr = rival->cidrs[family];
}

/* Notes the port's former addresses. 1: it has one that is taken, and so is cut off. */
static int addresses_take(struct search *search, const struct record *record,
			  struct cni_error *err)
{
	int cut_off = 0;

	for (size_t i = 0; i < record->n; i++) {
		const struct record_address *item = &record->addresses[i];
		struct ip_prefix range = prefix_network(&item->address);
		const struct cluster_node *rival;
		struct former_address *address;

		if (!is_former(search->list, record, item))
			continue;
		address = LIST_ADD(&search->found.addresses);
		if (!address)
			return error_oom(err);
		rival = rival_of(search, &range);
		address->address = item->address;
		if (search->list->gateway_ifname[0])
			address->gateway = item->gateway;
		address->taken = rival;
		if (rival)
			note_rival(&search->found, rival,
				   item->address.addr.family == AF_INET6);
		cut_off |= address->taken;
	}
	return cut_off;
}

static int name_take(struct search *search, const struct link *port, bool cut_off,
		     struct cni_error *err)
{
	struct former_pods *found = &search->found;
	char name[POD_NAME_MAX];

	if (!found->named)
		found->named = calloc(FORMER_PODS_NAMED, sizeof(*found->named));
	if (!found->named)
		return error_oom(err);
	port_pod(&search->list->names, port, name);
	for (size_t i = 0; i < found->named_n; i++) {
		if (strcmp(found->named[i].name, name) != 0)
			continue;
		found->named[i].cut_off |= cut_off;
		return 0;
	}
	if (found->named_n == FORMER_PODS_NAMED)
		return 0;
	memcpy(found->named[found->named_n].name, name, sizeof(name));
	found->named[found->named_n++].cut_off = cut_off;
	return 0;
}

static int port_take(struct search *search, const struct link *port,
		     struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	struct former_pods *found = &search->found;
	size_t before = found->addresses.n;
	int cut_off;

	if (!port_record(&search->list->names, port, &record))
		return 0;
	cut_off = addresses_take(search, &record, err);
	if (cut_off < 0 || found->addresses.n == before)
		return cut_off < 0 ? cut_off : 0;
	found->n++;
	found->cut_off += cut_off;
	return name_take(search, port, cut_off, err);
}

/* A bridge that was made anew needs gateways and routes again. The alias, which tells whose
 * pod it is, comes a moment after the link. */
static uint64_t hash_seen(const struct link *bridge, const struct link_list *ports)
{
	uint32_t facts[] = {bridge->index, bridge->up};
	uint64_t hash = hash_more(hash_text(""), facts, sizeof(facts));

	for (size_t i = 0; i < ports->n; i++) {
		const struct link *port = &ports->items[i];

		hash = hash_more(hash, &port->index, sizeof(port->index));
		hash = hash_more(hash, port->alias, strlen(port->alias) + 1);
	}
	return hash;
}

int former_pods_find(struct netlink *rtnl, const struct conflist *list,
		     const struct node_table *nodes, bool again, struct former_pods *pods,
		     struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list ports = {};
	struct search search = {.list = list, .nodes = nodes};
	struct link bridge;
	int ret = link_get(rtnl, list->names.bridge, &bridge, err);

	if (ret == 0)
		ret = port_list_get(rtnl, &list->names, bridge.index, &ports, err);
	if (ret < 0)
		return ret;
	search.found.seen = hash_seen(&bridge, &ports);
	if (!again && search.found.seen == pods->seen)
		return FORMER_PODS_SAME;
	for (size_t i = 0; ret == 0 && i < ports.n; i++)
		ret = port_take(&search, &ports.items[i], err);
	if (ret < 0) {
		former_pods_clear(&search.found);
		return ret;
	}
	former_pods_clear(pods);
	*pods = search.found;
	return 0;
}

void former_pods_add_names(const struct former_pods *pods, bool cut_off,
			   struct text *text)
{
	size_t left = cut_off ? pods->cut_off : pods->n;

	/* @n counts interfaces: how many pods more there are is known only roughly. */
	for (size_t i = 0; i < pods->named_n; i++) {
		if (cut_off && !pods->named[i].cut_off)
			continue;
		text_put(text, " ", text->len && text->text[text->len - 1] != ' ');
		text_add_printable(text, pods->named[i].name);
		left--;
	}
	if (left && pods->named_n == FORMER_PODS_NAMED)
		text_add(text, " and %zu more", left);
}
