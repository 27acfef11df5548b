/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portMappings: a pod's host ports are elements of maps (portmap_elements.h), into which
 * a constant number of rules looks (portmap_rules.h). portmap_conflict.h sees to it that
 * no other pod has them. elements.c adds and deletes them. Connections end with the veth.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "plugin/node/node.h"
#include "plugin/node/sysctl.h"
#include "facts.h"
#include "portmap_conflict.h"
#include "portmap_contribute.h"
#include "portmap_elements.h"
#include "portmap_listeners.h"
#include "portmap_localnet.h"
#include "portmap_own.h"
#include "portmap_rules.h"
#include "portmap_siblings.h"
#include "stages.h"

#define SCTP_SYSCTL "netfilter/nf_conntrack_sctp_timeout_established"

/* Has the pod an address that the mapping can lead to? */
static int addresses_check(const struct port_mapping_list *entries,
			   const struct pod_facts *pod, struct cni_error *err)
{
	for (size_t i = 0; i < entries->n; i++) {
		const struct port_mapping *port = &entries->items[i];
		int f = port->host_ip.family == AF_INET6;

		if (port_mapping_is_wild(port) || pod->addresses[f].addr.family)
			continue;
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "runtimeConfig.portMappings[%zu].hostIP: %s can't lead "
				 "to the pod, which has no %s address; map the port on "
				 "an address of the other family, or give the network "
				 "such a range",
				 i, IP_TEXT(&port->host_ip), f ? "IPv6" : "IPv4");
	}
	return 0;
}

/* Tells of a mapping for all addresses of a family that the pod doesn't have, with no
 * entry for the other family. The reference takes it, too, and nothing comes of it. */
static void wild_tell(struct attachment *att, const struct pod_facts *pod)
{
	const struct port_mapping_list *mappings = &att->pod->ports.mappings;

	for (size_t i = 0; i < mappings->n; i++) {
		const struct port_mapping *port = &mappings->items[i];
		int f = port->host_ip.family == AF_INET6;

		if (!port->host_ip.family || !port_mapping_is_wild(port) ||
		    pod->addresses[f].addr.family)
			continue;
		notice(&att->op->notices,
		       "runtimeConfig.portMappings: host port %u with hostIP "
		       "\"%s\" leads nowhere: these are the node's %s "
		       "addresses, and the pod has none of that family; leave "
		       "hostIP out for all addresses",
		       port->host_port, IP_TEXT(&port->host_ip), f ? "IPv6" : "IPv4");
		return;
	}
}

static bool has_protocol(const struct port_mapping_list *ports, uint8_t protocol)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->items[i].protocol == protocol)
			return true;
	return false;
}

/* Does the kernel track SCTP? Otherwise it would translate addresses, but not ports. */
static int sctp_check(const struct port_mapping_list *ports, struct cni_error *err)
{
	int ignored, ret = 0;

	if (has_protocol(ports, IPPROTO_SCTP))
		ret = sysctl_get(&ignored, err, SCTP_SYSCTL);
	if (ret != SYSCTL_ABSENT)
		return ret;
	return error_set(err, CNI_ERR_KERNEL, EPROTONOSUPPORT,
			 "runtimeConfig.portMappings: this kernel doesn't track SCTP "
			 "connections; it would have to be built with "
			 "CONFIG_NF_CT_PROTO_SCTP=y");
}

/* Checks what can be in the way of the pod's elements, and writes the ports into its
 * record. elements.c adds the elements next; the exclusive lock is held until then. */
static int ports_prepare(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct portmap_sets sets;
	struct pod_facts pod;
	int ret;

	portmap_sets_name(att->owner, &sets);
	pod_facts_of_attachment(att, &pod);
	ret = addresses_check(&att->pod->ports.entries, &pod, err);
	if (ret == 0)
		wild_tell(att, &pod);
	if (ret == 0)
		ret = sctp_check(pod.ports, err);
	if (ret == 0)
		ret = portmap_elements_make(&sets, &pod, &elements, err);
	if (ret == 0)
		ret = portmap_make_way(att, &elements, err);
	if (ret == PORTMAP_SHARED)
		ret = siblings_join(att, err);
	return ret < 0 ? ret
		       : ipam_record_write_ports(&att->ipam_env, att->pod, att->port_turn,
						 err);
}

static bool has_ports(const struct attachment *att)
{
	return att->pod->ports.mappings.n > 0;
}

static int rules_put(struct attachment *att, bool *ret_replaced, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = portmap_rules_wanted(att, &wanted, err);

	if (ret == 0)
		ret = rules_ensure(att, stage_portmap.name, &wanted, err);
	*ret_replaced = wanted.replaced;
	return ret;
}

/* Puts the rules right. The ADD of a pod without host ports does so, too, where the
 * configuration expects some: those of other pods may have to be put back. */
static int portmap_rules(struct attachment *att, bool *ret_replaced,
			 struct cni_error *err)
{
	if (!att->network->ports.expected && !has_ports(att))
		return 0;
	return rules_put(att, ret_replaced, err);
}

/* Lets 127.0.0.1 reach pods, and keeps pods from it: by a fence or, in a kernel without
 * one, by the rules alone. */
static int loopback_open(struct attachment *att, bool verify, struct cni_error *err)
{
	bool ignored;
	int ret = localnet_add(att, verify, err);

	if (ret == LOCALNET_UNFENCED || ret == LOCALNET_REFENCED)
		return rules_put(att, &ignored, err);
	return ret;
}

static int portmap_add(struct attachment *att, struct cni_error *err)
{
	bool replaced = false;
	int ret = listeners_check(att, err);

	if (ret == 0 && has_ports(att))
		ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = portmap_rules(att, &replaced, err);
	if (ret == 0 && has_ports(att))
		ret = ports_prepare(att, err);
	return ret < 0 ? ret : loopback_open(att, replaced, err);
}

static bool all_there(const struct nft_element_list *elements,
		      const struct nft_element_list *found)
{
	for (size_t i = 0; i < elements->n; i++)
		if (!portmap_have(found, &elements->items[i]))
			return false;
	return true;
}

/*
 * Adds the elements that the pod is to have to @elements, which point to @sets, and those
 * of them that are there to @found. Elements that a sibling (portmap_siblings.h) has are
 * left out of both.
 */
static int own_find(struct attachment *att, struct portmap_sets *sets,
		    struct nft_element_list *elements, struct nft_element_list *found,
		    struct cni_error *err)
{
	struct pod_facts pod;
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	portmap_sets_name(att->owner, sets);
	pod_facts_of_attachment(att, &pod);
	if (ret == 0)
		ret = portmap_elements_make(sets, &pod, elements, err);
	if (ret == 0)
		ret = portmap_find_own(nl, elements, pod.host_ifname, found, err);
	if (ret < 0 || all_there(elements, found))
		return ret;
	/* An error is told by whoever adds the missing elements. */
	if (portmap_check_free(att, elements, NULL) != PORTMAP_SHARED)
		return 0;
	nft_element_list_clear(found);
	return portmap_find_own(nl, elements, pod.host_ifname, found, err);
}

/* Reports a pod of another network that has one of the ports as well. Which one is to
 * have it is not for a repair to decide. */
static void conflict_tell(struct attachment *att, struct nft_element_list *elements)
{
	struct cni_error err = {};

	if (portmap_check_free(att, elements, &err) < 0)
		report_error(att, &err);
}

static int elements_put(struct attachment *att, struct nft_element_list *elements,
			struct cni_error *err)
{
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	if (ret == 0)
		ret = portmap_make_way(att, elements, err);
	if (ret >= 0)
		ret = nft_elements_add(nl, elements->items, elements->n, err);
	if (ret == 0)
		report_done(att, "portmap: its elements in table inet " RULES_TABLE);
	return ret;
}

/* Repairs the rules with each attachment, as they name the gateway's interface. */
static int portmap_repair(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	_cleanup_(nft_element_list_clear) struct nft_element_list found = {};
	struct portmap_sets sets;
	bool ignored;
	int ret = portmap_rules(att, &ignored, err);

	if (ret == 0)
		ret = loopback_open(att, true, err);
	if (ret < 0 || !has_ports(att))
		return ret;
	ret = own_find(att, &sets, &elements, &found, err);
	if (ret < 0)
		return ret;
	if (all_there(&elements, &found))
		conflict_tell(att, &elements);
	else
		ret = elements_put(att, &elements, err);
	if (ret == 0)
		listeners_tell(att);
	return ret;
}

static int element_missing(const struct nft_element *element,
			   const struct attachment *att, struct cni_error *err)
{
	unsigned int port;
	char last[16] = "";

	if (portmap_kind_of(element) == PORTMAP_ONLINK)
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "portmap: expected an element for %s in set %s of table "
				 "inet " RULES_TABLE ", found none: neighbours of the "
				 "pod, and itself, don't reach its host ports",
				 att->pod->host_ifname, element->set->name);
	port = portmap_port_of(&element->key);
	if (portmap_last_of(element) != port)
		snprintf(last, sizeof(last), " to %u", portmap_last_of(element));
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "portmap: expected %s port %u%s to lead to the pod by map %s of "
			 "table inet " RULES_TABLE ", found no such element of its own",
			 port_protocol_name(element->key.bytes[0]), port, last,
			 element->set->name);
}

static int own_rules_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = portmap_rules_wanted(att, &wanted, err);

	return ret < 0 ? ret : rules_check(att, stage_portmap.name, &wanted, err);
}

static int portmap_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	_cleanup_(nft_element_list_clear) struct nft_element_list found = {};
	struct portmap_sets sets;
	int ret = localnet_check(att, err);

	/* In a kernel without a fence the rules alone guard 127.0.0.0/8. */
	if (ret == LOCALNET_UNFENCED && !has_ports(att))
		return own_rules_check(att, err);
	if (ret < 0 || !has_ports(att))
		return ret;
	ret = own_rules_check(att, err);
	if (ret == 0)
		ret = own_find(att, &sets, &elements, &found, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i++)
		if (!portmap_have(&found, &elements.items[i]))
			ret = element_missing(&elements.items[i], att, err);
	/* To ask for sockets may load a module, which who only looks doesn't do. */
	if (ret == 0 && !att->op->looks)
		listeners_tell(att);
	return ret;
}

static int portmap_show_shared(struct attachment *net, struct stage_facts *facts,
			       struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret;

	if (!facts->pods.any ||
	    (!net->network->ports.expected && !facts->pods.have_ports))
		return 0;
	ret = portmap_rules_wanted(net, &wanted, err);
	return ret < 0 ? ret
		       : stage_facts_rules(facts, net, stage_portmap.name, &wanted, err);
}

const struct stage stage_portmap = {
	.name = "portmap",
	.switches = SWITCH_BIT(SWITCH_BRIDGE) | SWITCH_BIT(SWITCH_OVS),
	.add = portmap_add,
	.check = portmap_check,
	.del = localnet_del,
	.repair = portmap_repair,
	.show_shared = portmap_show_shared,
	.elements = portmap_elements,
	.set_types = &portmap_set_types[0][0],
	.set_types_n = PORTMAP_SETS,
};
