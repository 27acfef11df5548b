/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a network's facts: links first, by which the store's records are judged. */
#include "network_facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/list.h"
#include "ipam/allocator.h"
#include "plugin/netlink/addr.h"
#include "plugin/stage/bridge_alias.h"
#include "plugin/stage/stages.h"
#include "plugin/switch/macvlan_master.h"
#include "plugin/switch/switch.h"

void network_facts_clear(struct network_facts *facts)
{
	for (size_t i = 0; i < facts->pods.n; i++) {
		free(facts->pods.items[i].names);
		free(facts->pods.items[i].late);
		free(facts->pods.items[i].addresses);
	}
	free(facts->pods.items);
	free(facts->gateways.items);
	free(facts->sets);
	free(facts->unseen.text);
	stage_facts_clear(&facts->stages);
	link_list_clear(&facts->links);
	ipam_view_clear(&facts->view);
	*facts = (struct network_facts){};
}

/* ---- Links ---- */

static int link_cmp(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return strcmp(x->name, y->name);
}

const struct link *facts_link(const struct network_facts *facts, const char *name)
{
	struct link key = {};

	snprintf(key.name, sizeof(key.name), "%s", name);
	return facts->links.n ? bsearch(&key, facts->links.items, facts->links.n,
					sizeof(key), link_cmp)
			      : NULL;
}

static void master_read(struct network_facts *facts)
{
	const struct network *network = facts->net->network;
	struct link master;

	if (macvlan_master_is_known(network) &&
	    macvlan_master_get(facts->net->op->node.rtnl, network, "", &master, NULL) ==
		    0)
		snprintf(facts->master, sizeof(facts->master), "%s", master.name);
}

static void links_read(struct network_facts *facts)
{
	struct attachment *net = facts->net;
	struct cni_error err = {};

	if (link_list_get(net->op->node.rtnl, &facts->links, &err) < 0)
		text_add(&facts->unseen, "interfaces: %s\n", err.msg);
	if (facts->links.n)
		qsort(facts->links.items, facts->links.n, sizeof(*facts->links.items),
		      link_cmp);
	facts->bridge = facts_link(facts, net->bridge);
	if (facts->configured && !switch_has_bridge(net->switch_kind))
		master_read(facts);
	network_gateway_ifname(net->network, net->gateway_ifname);
	facts->gateway = facts_link(facts, net->gateway_ifname);
	if (facts->gateway) {
		net->gateway_index = facts->gateway->index;
		net->gateway_localnet = facts->gateway->ipv4.route_localnet;
	}
	if (!facts->bridge)
		return;
	net->bridge_index = facts->bridge->index;
	for (size_t i = 0; i < facts->links.n; i++)
		facts->ports += facts->links.items[i].master == facts->bridge->index;
}

/* ---- The store ---- */

static const struct ipam_kernel *node_kernel(const struct ipam_kernel *kernel)
{
	const struct network_facts *facts = kernel->data;

	return &facts->net->op->kernel.ipam;
}

/* Answers from the links that are known. The node's own function lists them anew for each
 * attachment. */
static bool has_renamed(const struct ipam_kernel *kernel, const struct record *record)
{
	const struct network_facts *facts = kernel->data;
	char alias[LINK_ALIAS_MAX];

	if (!switch_liveness(record->switch_kind)->has_host_end)
		return node_kernel(kernel)->has_renamed(node_kernel(kernel), record);
	identity_alias(record->network, record->container_id, record->ifname, alias);
	for (size_t i = 0; i < facts->links.n; i++)
		if (strcmp(facts->links.items[i].alias, alias) == 0 &&
		    !link_is(&facts->links.items[i], "ifb"))
			return true;
	return false;
}

static bool has_interface(const struct ipam_kernel *kernel, const struct record *record)
{
	const struct network_facts *facts = kernel->data;
	char name[IF_NAMESIZE];

	if (!switch_liveness(record->switch_kind)->has_host_end)
		return node_kernel(kernel)->has_interface(node_kernel(kernel), record);
	identity_host_ifname(record->network, record->container_id, record->ifname, name);
	/* The interface may have come since the links were listed. */
	return facts_link(facts, name) ||
	       netlink_ifindex(facts->net->op->node.rtnl, name) != 0;
}

static uint64_t node_cookie(const struct ipam_kernel *kernel)
{
	const struct ipam_kernel *node = node_kernel(kernel);

	return node->node_cookie(node);
}

static bool lost_netns(const struct ipam_kernel *kernel, const struct record *record)
{
	const struct ipam_kernel *node = node_kernel(kernel);

	return node->lost_netns(node, record);
}

static int store_read(struct network_facts *facts, struct cni_error *err)
{
	const struct ipam_kernel kernel = {
		.boot_id = facts->net->op->kernel.ipam.boot_id,
		.node_cookie = node_cookie,
		.has_interface = has_interface,
		.has_renamed = has_renamed,
		.lost_netns = lost_netns,
		.data = facts,
	};
	struct ipam_env env = facts->net->ipam_env;
	struct ipam_view *view = &facts->view;
	int ret;

	env.kernel = &kernel;
	ret = ipam_view(&env, view, err);
	if (ret < 0)
		return ret;
	if (view->records_errnum)
		text_add(&facts->unseen, "records in %s/.bridge-cni/%s: %s\n",
			 env.data_dir, env.network, strerror(view->records_errnum));
	if (view->reservations_errnum)
		text_add(&facts->unseen, "reservations in %s/%s: %s\n", env.data_dir,
			 env.network, strerror(view->reservations_errnum));
	if (view->torn)
		text_add(&facts->unseen, "%zu damaged record%s in %s/.bridge-cni/%s\n",
			 view->torn, view->torn == 1 ? "" : "s", env.data_dir,
			 env.network);
	if (view->newer)
		text_add(&facts->unseen,
			 "%zu record%s of a newer version in %s/.bridge-cni/%s\n",
			 view->newer, view->newer == 1 ? "" : "s", env.data_dir,
			 env.network);
	if (view->unreadable)
		text_add(&facts->unseen,
			 "%zu record%s in %s/.bridge-cni/%s that can't be read\n",
			 view->unreadable, view->unreadable == 1 ? "" : "s", env.data_dir,
			 env.network);
	return 0;
}

/* ---- Ranges ---- */

static uint64_t eight_bytes(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* Counts the addresses from one to another, both included, up to SHOWN_MAX. */
static uint64_t span_size(const struct ip_addr *from, const struct ip_addr *to)
{
	uint64_t high = eight_bytes(to->bytes) - eight_bytes(from->bytes);
	uint64_t low_to = eight_bytes(to->bytes + 8),
		 low_from = eight_bytes(from->bytes + 8);

	if (ip_size(from->family) == 4)
		return (high >> 32) + 1;
	high -= low_to < low_from;
	return high || low_to - low_from >= SHOWN_MAX ? SHOWN_MAX : low_to - low_from + 1;
}

static int sets_count(struct network_facts *facts, struct cni_error *err)
{
	const struct range_set_list *sets = &facts->net->network->ipam.sets;

	facts->sets = calloc(sets->n + 1, sizeof(*facts->sets));
	if (!facts->sets)
		return error_oom(err);
	for (size_t i = 0; i < sets->n; i++) {
		struct range_set_facts *set = &facts->sets[i];
		uint64_t taken;

		for (size_t k = 0; k < sets->items[i].n; k++) {
			const struct ip_range *range = &sets->items[i].ranges[k];

			set->size += span_size(&range->start, &range->end);
			set->excluded += range_excluded(sets, range);
			set->used += ipam_view_count(&facts->view, &range->start,
						     &range->end);
		}
		set->size = set->size < SHOWN_MAX ? set->size : SHOWN_MAX;
		taken = set->excluded + set->used;
		set->free = set->size > taken ? set->size - taken : 0;
		if (set->size == SHOWN_MAX)
			set->free = SHOWN_MAX;
	}
	return 0;
}

/* ---- Gateways ---- */

static int gateway_add(struct network_facts *facts, const struct ip_addr *gateway,
		       uint8_t len)
{
	struct gateway_facts *added;

	if (!gateway->family)
		return 0;
	for (size_t i = 0; i < facts->gateways.n; i++)
		if (ip_equal(&facts->gateways.items[i].address.addr, gateway))
			return 0;
	added = LIST_ADD(&facts->gateways);
	if (!added)
		return -ENOMEM;
	added->address = (struct ip_prefix){*gateway, len};
	return 0;
}

/* The gateways of the ranges, and those that pods have by their records. */
static int gateways_collect(struct network_facts *facts)
{
	const struct range_set_list *sets = &facts->net->network->ipam.sets;
	int ret = 0;

	for (size_t i = 0; facts->configured && i < sets->n; i++)
		for (size_t k = 0; ret == 0 && k < sets->items[i].n; k++)
			ret = gateway_add(facts, &sets->items[i].ranges[k].gateway,
					  sets->items[i].ranges[k].subnet.len);
	for (size_t i = 0; i < facts->view.records.n; i++) {
		const struct record *record = &facts->view.records.items[i].record;

		for (size_t k = 0; ret == 0 && k < record->n; k++)
			ret = gateway_add(facts, &record->addresses[k].gateway,
					  record->addresses[k].address.len);
	}
	return ret;
}

static int gateways_read(struct network_facts *facts, struct cni_error *err)
{
	struct netlink *nl = facts->net->op->node.rtnl;
	struct addr_list list = {};

	if (!switch_has_bridge(facts->net->switch_kind) ||
	    (facts->configured && !facts->net->network->is_gateway))
		return 0;
	if (gateways_collect(facts) < 0)
		return error_oom(err);
	if (facts->gateway &&
	    addr_list_get(nl, facts->gateway->index, 0, &list, NULL) < 0)
		text_add(&facts->unseen, "addresses of %s\n", facts->gateway->name);
	for (size_t i = 0; i < facts->gateways.n; i++)
		for (size_t k = 0; k < list.n; k++)
			if (ip_equal(&list.items[k].addr,
				     &facts->gateways.items[i].address.addr))
				facts->gateways.items[i].present = true;
	addr_list_clear(&list);
	return 0;
}

/* ---- What the stages tell ---- */

static void stages_read(struct network_facts *facts)
{
	struct attachment *net = facts->net;
	struct cni_error err = {};

	net->routed = net->network->routed;
	for (size_t i = 0; i < facts->view.records.n; i++) {
		const struct ipam_view_record *item = &facts->view.records.items[i];

		if (item->state != IPAM_VIEW_CONNECTED)
			continue;
		/* A bridge has pods of one kind, whatever the configuration says. */
		net->routed = item->record.routed[0];
		facts->stages.pods.any = true;
		facts->stages.pods.have_ports |= item->record.ports.n > 0;
	}
	if (facts->bridge && link_is(facts->bridge, "bridge"))
		(void)bridge_alias_look(net, facts->bridge, NULL);
	if (facts->view.records_errnum)
		facts->rules_unseen = true; /* nothing says which are needed */
	if (stages_show_shared(net, &facts->stages, &err) == 0)
		return;
	facts->rules_unseen = true;
	if (!facts->view.records_errnum)
		text_add(&facts->unseen, "rules: %s\n", err.msg);
}

int network_facts_read(struct attachment *net, bool configured,
		       struct network_facts *ret_facts, struct cni_error *err)
{
	struct network_facts *facts = ret_facts;
	int ret;

	*facts = (struct network_facts){.net = net, .configured = configured};
	links_read(facts);
	ret = store_read(facts, err);
	if (ret == 0)
		ret = sets_count(facts, err);
	if (ret == 0)
		ret = gateways_read(facts, err);
	if (ret == 0)
		ret = pods_collect(facts, err);
	if (ret == 0)
		stages_read(facts);
	if (ret == 0 && facts->unseen.failed)
		ret = error_oom(err);
	return ret;
}
