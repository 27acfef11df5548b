/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridges of the networks, with their gateways and ports. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "checks.h"
#include "finding.h"
#include "in_use.h"
#include "ipam/ipam.h"
#include "plugin/netlink/addr.h"

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
static size_t foreign_addresses(struct doctor *doctor, const struct network_facts *facts)
{
	struct attachment *net = facts->net;
	struct addr_list list = {};
	size_t n = 0;

	if (!facts->gateway || net->network->force_address ||
	    !lacks_gateway(facts, AF_INET) ||
	    addr_list_get(net->op->node.rtnl, facts->gateway->index, AF_INET, &list,
			  NULL) < 0)
		return 0;
	for (size_t i = 0; i < list.n; i++) {
		if (is_gateway_address(facts, &list.items[i].addr) ||
		    ipam_gateway_is_ours(&net->ipam_env, net->gateway_ifname,
					 &list.items[i]))
			continue;
		n++;
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"%s has the address %s, perhaps of a former CNI, in the place "
			"of the gateway: every ADD fails",
			facts->gateway->name, PREFIX_TEXT(&list.items[i]));
		if (link_in_use(net->op->node.rtnl, facts->gateway)) {
			doctor_advise(
				doctor,
				"remove the address, which is no gateway of this "
				"network's pods, unless something else uses it, and "
				"then run `bridge-cni repair`; or set forceAddress "
				"to true");
			continue;
		}
		doctor_command(doctor, "ip", "address", "del",
			       PREFIX_TEXT(&list.items[i]), "dev", facts->gateway->name);
		doctor_advise(doctor, "set forceAddress to true");
	}
	addr_list_clear(&list);
	return n;
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

/* @other: the address with another prefix length; NULL: it isn't there. @foreign: so many
 * IPv4 addresses are in the place of gateways. */
static void gateway_tell(struct doctor *doctor, const struct network_facts *facts,
			 const struct ip_prefix *gateway, const struct ip_prefix *other,
			 size_t foreign)
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
			       doctor->networks.items[doctor->networks.n - 1].file);
	else if (foreign && gateway->addr.family == AF_INET) /* repair refuses */
		doctor_advise(doctor,
			      "`bridge-cni repair` adds it once the other address, which "
			      "has its place, is removed");
	else
		doctor_repair_network(doctor);
}

/* Looks at the gateways of connected pods. Other gateways come with the next ADD. */
static void gateways_look(struct doctor *doctor, const struct network_facts *facts,
			  size_t foreign)
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
			gateway_tell(doctor, facts, &wanted, other, foreign);
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
		doctor_repair_network(doctor);
	}
}

/* A port that is one too many is refused, and with it the ADD of a pod. */
static void port_count_look(struct doctor *doctor, const struct network_facts *facts)
{
	bool full = facts->ports >= BRIDGE_PORTS_MAX;

	if (facts->ports < BRIDGE_PORTS_MAX * 95 / 100)
		return;
	doctor_tell(doctor, full ? DOCTOR_PROBLEM : DOCTOR_WARNING,
		    "%s has %zu ports, and no Linux bridge can have more than %d: %s",
		    facts->bridge->name, facts->ports, BRIDGE_PORTS_MAX,
		    full ? "every ADD fails" : "few pods can be added");
	doctor_advise(doctor, "let the node have fewer pods (the kubelet's maxPods), or "
			      "give some of them another network with a bridge of its "
			      "own");
}

/* Open vSwitch's own interface of a bridge is a tun, where its datapath is in user space. */
static bool may_be_ovs(const struct link *link)
{
	return link_is(link, "openvswitch") || link_is(link, "tun");
}

void bridge_check(struct doctor *doctor, const struct network_facts *facts)
{
	const char *kind = switch_link_kind(facts->net->switch_kind);
	const struct link *bridge = facts->bridge;

	if (!switch_has_bridge(facts->net->switch_kind))
		return;
	if (bridge && kind && !link_is(bridge, kind)) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s is there already, and is no bridge but %s%s: every ADD "
			    "fails",
			    bridge->name, bridge->kind[0] ? "of the kind " : "a device",
			    bridge->kind);
		if (bridge->kind[0] && !bridge->up && !may_be_ovs(bridge) &&
		    !link_in_use(facts->net->op->node.rtnl, bridge))
			doctor_command(doctor, "ip", "link", "del", bridge->name);
		doctor_advise(doctor, may_be_ovs(bridge)
					      ? "set the key switch to \"ovs\", if it is "
						"a bridge of Open vSwitch, or else the "
						"key bridge to another name"
					      : "set the key bridge to another name");
	} else if (bridge && !bridge->up && facts->stages.pods.any &&
		   (kind || facts->net->network->is_gateway)) {
		/* Open vSwitch's own interface has to be up for the gateway alone. */
		doctor_tell(doctor, DOCTOR_PROBLEM, "%s is down: its pods reach nobody",
			    bridge->name);
		doctor_command(doctor, "ip", "link", "set", bridge->name, "up");
	} else if (!bridge && kind && facts->stages.pods.any) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "the bridge %s is gone: its pods reach nobody",
			    facts->net->bridge);
		doctor_repair_network(doctor);
	}
	gateways_look(doctor, facts, foreign_addresses(doctor, facts));
	if (bridge && kind) {
		ports_look(doctor, facts);
		port_count_look(doctor, facts);
	}
}
