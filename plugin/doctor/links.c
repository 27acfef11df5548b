/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces, addresses and routes that are in the way of the networks. */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "checks.h"
#include "finding.h"
#include "in_use.h"
#include "ipam/ipam.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/route.h"
#include "plugin/node/uplink.h"

/* Names the interface, unless this program's pods are reached by it. */
static bool is_anothers(const struct doctor *doctor, unsigned int index,
			struct link *ret_link)
{
	return link_get_by_index(doctor->rtnl, index, ret_link, NULL) == 0 &&
	       ret_link->index && !ifname_is_networks(doctor, ret_link->name) &&
	       !link_is_agents_tunnel(ret_link);
}

static bool is_uplink(const struct doctor *doctor, int family, unsigned int index)
{
	_cleanup_(link_list_clear) struct link_list uplinks = {};

	if (uplink_list_get(doctor->rtnl, family, &uplinks, NULL) < 0)
		return false;
	for (size_t i = 0; i < uplinks.n; i++)
		if (uplinks.items[i].index == index)
			return true;
	return false;
}

static void addresses_look(struct doctor *doctor, const struct ip_prefix *subnet)
{
	struct link_addr_list list = {};

	if (link_addr_list_get(doctor->rtnl, subnet->addr.family, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		struct ip_prefix its = prefix_network(&list.items[i].address);
		struct link link = {};

		if (!prefix_overlaps(&its, subnet) ||
		    !is_anothers(doctor, list.items[i].index, &link))
			continue;
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"the subnet %s is on %s as well, by its address %s: packets to "
			"pods, or to its neighbours, go astray",
			PREFIX_TEXT(subnet), link.name,
			PREFIX_TEXT(&list.items[i].address));
		if (!is_uplink(doctor, subnet->addr.family, link.index) &&
		    !link_in_use(doctor->rtnl, &link))
			doctor_command(doctor, "ip", "address", "del",
				       PREFIX_TEXT(&list.items[i].address), "dev",
				       link.name, NULL);
		doctor_advise(doctor, "choose another subnet in ipam.ranges");
	}
	link_addr_list_clear(&list);
}

/* A wider route does no harm, as the bridge's own one is preferred. */
static void routes_look(struct doctor *doctor, const struct ip_prefix *subnet)
{
	struct kernel_route_list list = {};

	if (route_list_get(doctor->rtnl, subnet->addr.family, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		const struct kernel_route *route = &list.items[i];
		char table[16];
		struct link link = {};

		if (route->protocol == RTPROT_KERNEL ||
		    route->route.table == RT_TABLE_LOCAL ||
		    route->route.dst.len < subnet->len ||
		    !prefix_contains(subnet, &route->route.dst.addr) ||
		    !is_anothers(doctor, route->index, &link))
			continue;
		snprintf(table, sizeof(table), "%u", route->route.table);
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"a route to %s, in the subnet %s, leads through %s: pods there "
			"aren't reached",
			PREFIX_TEXT(&route->route.dst), PREFIX_TEXT(subnet), link.name);
		if (!link_in_use(doctor->rtnl, &link))
			doctor_command(doctor, "ip", "route", "del",
				       PREFIX_TEXT(&route->route.dst), "dev", link.name,
				       "table", table, NULL);
		doctor_advise(doctor, "choose another subnet in ipam.ranges");
	}
	kernel_route_list_clear(&list);
}

void subnets_check(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];

		doctor->network = network->name;
		for (size_t k = 0; k < network->subnets.n; k++) {
			addresses_look(doctor, &network->subnets.items[k]);
			routes_look(doctor, &network->subnets.items[k]);
		}
		doctor->network = NULL;
	}
}

static bool is_gateway_address(const struct network_facts *facts,
			       const struct ip_addr *addr)
{
	for (size_t i = 0; i < facts->gateways.n; i++)
		if (ip_equal(&facts->gateways.items[i].address.addr, addr))
			return true;
	return false;
}

static bool lacks_gateway(const struct network_facts *facts, int family)
{
	for (size_t i = 0; i < facts->gateways.n; i++)
		if (facts->gateways.items[i].address.addr.family == family &&
		    !facts->gateways.items[i].present)
			return true;
	return false;
}

/* Another IPv4 address has the place of the gateway: the ADD refuses to go on. */
static void foreign_addresses(struct doctor *doctor, const struct network_facts *facts)
{
	struct attachment *net = facts->net;
	struct addr_list list = {};

	if (!facts->gateway || net->network->force_address ||
	    !lacks_gateway(facts, AF_INET) ||
	    addr_list_get(net->op->node.rtnl, facts->gateway->index, AF_INET, &list,
			  NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		if (is_gateway_address(facts, &list.items[i].addr) ||
		    ipam_gateway_is_ours(&net->ipam_env, net->gateway_ifname,
					 &list.items[i]))
			continue;
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"%s has the address %s, perhaps of a former CNI, in the place "
			"of the gateway: every ADD fails",
			facts->gateway->name, PREFIX_TEXT(&list.items[i]));
		if (link_in_use(net->op->node.rtnl, facts->gateway)) {
			doctor_advise(doctor,
				      "once the pods that the bridge has now are gone, "
				      "remove the address, or set forceAddress to true");
			continue;
		}
		doctor_command(doctor, "ip", "address", "del",
			       PREFIX_TEXT(&list.items[i]), "dev", facts->gateway->name,
			       NULL);
		doctor_advise(doctor, "set forceAddress to true");
	}
	addr_list_clear(&list);
}

static void repair_command(struct doctor *doctor)
{
	doctor_command(doctor, doctor->self, "repair",
		       doctor->networks.items[doctor->networks.n - 1].file, NULL);
}

/* The prefix length that connected pods have the gateway with; 0: none has it. */
static uint8_t gateway_len(const struct network_facts *facts,
			   const struct ip_addr *gateway)
{
	for (size_t i = 0; i < facts->view.records.n; i++) {
		const struct ipam_view_record *item = &facts->view.records.items[i];

		for (size_t k = 0;
		     item->state == IPAM_VIEW_CONNECTED && k < item->record.n; k++)
			if (ip_equal(&item->record.addresses[k].gateway, gateway))
				return item->record.addresses[k].address.len;
	}
	return 0;
}

static bool is_configured(const struct range_set_list *sets,
			  const struct ip_addr *gateway)
{
	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++)
			if (ip_equal(&sets->items[i].ranges[k].gateway, gateway))
				return true;
	return false;
}

/* @other: the address with another prefix length; NULL: it isn't there. */
static void gateway_tell(struct doctor *doctor, const struct network_facts *facts,
			 const struct ip_prefix *gateway, const struct ip_prefix *other)
{
	const char *ifname = facts->net->gateway_ifname;

	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "%s, the gateway of pods, is not on %s%s: not all of what they send, "
		    "or get, arrives",
		    PREFIX_TEXT(gateway), ifname,
		    other ? ", which has it with another prefix length" : "");
	if (!is_configured(&facts->net->network->ipam.sets, &gateway->addr))
		doctor_advise(
			doctor,
			"delete the pods of the configuration that had this gateway");
	else if (other) /* repair leaves this to an administrator */
		doctor_command(doctor, "ip", "address", "del", PREFIX_TEXT(other), "dev",
			       ifname, DOCTOR_AND, doctor->self, "repair",
			       doctor->networks.items[doctor->networks.n - 1].file, NULL);
	else
		repair_command(doctor);
}

/* Looks at the gateways of connected pods. Other gateways come with the next ADD. */
static void gateways_look(struct doctor *doctor, const struct network_facts *facts)
{
	struct addr_list list = {};

	if (!facts->bridge || !facts->net->network->is_gateway ||
	    (facts->gateway && addr_list_get(facts->net->op->node.rtnl,
					     facts->gateway->index, 0, &list, NULL) < 0))
		return;
	for (size_t i = 0; i < facts->gateways.n; i++) {
		const struct ip_addr *gateway = &facts->gateways.items[i].address.addr;
		const struct ip_prefix wanted = {*gateway, gateway_len(facts, gateway)};
		const struct ip_prefix *other = NULL;

		for (size_t k = 0; k < list.n; k++)
			if (ip_equal(&list.items[k].addr, gateway))
				other = &list.items[k];
		if (wanted.len && !addr_list_has(&list, &wanted))
			gateway_tell(doctor, facts, &wanted, other);
	}
	addr_list_clear(&list);
}

static void ports_look(struct doctor *doctor, const struct network_facts *facts)
{
	for (size_t i = 0; i < facts->pods.n; i++) {
		const struct shown_pod *pod = &facts->pods.items[i];
		bool is_port = pod->link && pod->link->master &&
			       (!facts->bridge ||
				pod->link->master == facts->bridge->index);

		if (!pod->link || pod->state != IPAM_VIEW_CONNECTED ||
		    (is_port && pod->link->up))
			continue;
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s, the interface of pod %s, is %s: the pod reaches nobody",
			    pod->link->name, pod->pod[0] ? pod->pod : pod->container_id,
			    is_port ? "down" : "not on the bridge");
		repair_command(doctor);
	}
}

void bridge_check(struct doctor *doctor, const struct network_facts *facts)
{
	const struct link *bridge = facts->bridge;

	if (bridge && !link_is(bridge, "bridge")) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s is there already, and is no bridge but %s%s: every ADD "
			    "fails",
			    bridge->name, bridge->kind[0] ? "of the kind " : "a device",
			    bridge->kind);
		if (bridge->kind[0] && !bridge->up &&
		    !link_in_use(facts->net->op->node.rtnl, bridge))
			doctor_command(doctor, "ip", "link", "del", bridge->name, NULL);
		doctor_advise(doctor, "set the key bridge to another name");
	} else if (bridge && !bridge->up && facts->stages.pods.any) {
		doctor_tell(doctor, DOCTOR_PROBLEM, "%s is down: its pods reach nobody",
			    bridge->name);
		doctor_command(doctor, "ip", "link", "set", bridge->name, "up", NULL);
	} else if (!bridge && facts->stages.pods.any) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "the bridge %s is gone: its pods reach nobody",
			    facts->net->bridge);
		repair_command(doctor);
	}
	foreign_addresses(doctor, facts);
	gateways_look(doctor, facts);
	if (bridge)
		ports_look(doctor, facts);
}

static const struct {
	const char *ifname, *whose;
} formers[] = {
	{"cni0", "the reference plugins or flannel"},
	{"flannel.1", "flannel"},
	{"flannel-v6.1", "flannel"},
	{"flannel-wg", "flannel"},
	{"weave", "Weave Net"},
	{"datapath", "Weave Net"},
	{"vxlan.calico", "Calico"},
	{"cilium_host", "Cilium"},
	{"cilium_vxlan", "Cilium"},
	{"kube-bridge", "kube-router"},
	{"antrea-gw0", "Antrea"},
};

static void former_tell(struct doctor *doctor, const struct link *link, const char *whose)
{
	char network[LINK_ALIAS_MAX];

	if (link_is_this_programs(doctor, link, network)) {
		doctor_tell(
			doctor, DOCTOR_OK,
			"%s is bridge-cni's%s%s, which no configuration that was read "
			"has",
			link->name, network[0] ? ", of network " : "", network);
		return;
	}
	doctor_tell(doctor, DOCTOR_WARNING,
		    "%s is there, an interface of %s: where that runs no more, its "
		    "addresses and routes are in the way",
		    link->name, whose);
	if (link_in_use(doctor->rtnl, link))
		doctor_advise(doctor, "where that runs no more, delete the pods that are "
				      "its ports, and then the interface");
	else if (link->up && !link_is(link, "bridge"))
		doctor_advise(doctor, "where that runs no more, delete the interface");
	else
		doctor_command(doctor, "ip", "link", "del", link->name, NULL);
}

void former_check(struct doctor *doctor)
{
	for (size_t i = 0; i < ARRAY_SIZE(formers); i++) {
		struct link link = {};

		if (!ifname_is_networks(doctor, formers[i].ifname) &&
		    link_get(doctor->rtnl, formers[i].ifname, &link, NULL) == 0 &&
		    link.index)
			former_tell(doctor, &link, formers[i].whose);
	}
}
