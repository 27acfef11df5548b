/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portMappings: a pod's host ports as elements of maps (hostports.h) that a constant number
 * of rules looks into (hostport_rules.h), nobody else's (hostport_taken.h).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../ipam/ipam.h"
#include "conntrack.h"
#include "hostport_rules.h"
#include "hostport_taken.h"
#include "hostports.h"
#include "netlink_route.h"
#include "node.h"
#include "report.h"
#include "stages.h"
#include "sysctl.h"

#define SCTP_SYSCTL "netfilter/nf_conntrack_sctp_timeout_established"

/* Has the pod an address that the mapping can lead to? */
static int addresses_check(const struct hostport_pod *pod, struct cni_error *err)
{
	for (size_t i = 0; i < pod->ports->n; i++) {
		const struct port_mapping *port = &pod->ports->items[i];
		int f = port->host_ip.family == AF_INET6;

		if (port_mapping_is_wild(port) || pod->addresses[f].addr.family)
			continue;
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "runtimeConfig.portMappings[%zu].hostIP: %s can't lead "
				 "to the pod, which has no %s address",
				 i, IP_TEXT(&port->host_ip), f ? "IPv6" : "IPv4");
	}
	return 0;
}

static bool has_protocol(const struct port_mapping_list *ports, uint8_t protocol)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->items[i].protocol == protocol)
			return true;
	return false;
}

/* Without it the kernel would translate addresses, but not ports. */
static int sctp_check(const struct port_mapping_list *ports, struct cni_error *err)
{
	int ignored, ret = 0;

	if (has_protocol(ports, IPPROTO_SCTP))
		ret = sysctl_get(&ignored, err, SCTP_SYSCTL);
	if (ret != -ENOENT)
		return ret;
	return error_set(err, CNI_ERR_KERNEL, EPROTONOSUPPORT,
			 "runtimeConfig.portMappings: this kernel doesn't track SCTP "
			 "connections; it would have to be built with "
			 "CONFIG_NF_CT_PROTO_SCTP=y");
}

/* From 127.0.0.1 a packet leaves by another interface only where this is allowed. */
static int localnet_ensure(struct attachment *att, struct cni_error *err)
{
	const struct port_mapping_list *ports = &att->conf.ports.mappings;
	bool needed = false;
	int ret;

	for (size_t i = 0; i < ports->n; i++)
		needed |= port_mapping_needs_localnet(&ports->items[i]);
	if (!needed || !att->conf.ports.snat)
		return 0;
	ret = sysctl_ensure(1, err, "ipv4/conf/%s/route_localnet", att->gateway_ifname);
	return ret == -ENOENT ? 0 : ret;
}

/* Who went on sending to a port of UDP while it led nowhere would go on not reaching it. */
static void udp_forget(struct attachment *att, const struct hostport_elements *elements)
{
	_cleanup_(free_p) struct conntrack_port *ports = calloc(elements->n + 1,
								sizeof(*ports));
	size_t n = 0;

	for (size_t i = 0; ports && i < elements->n; i++) {
		const struct nft_element *element = &elements->items[i];
		struct conntrack_port *port = &ports[n];

		if (hostport_kind_of(element) == HOSTPORT_ONLINK ||
		    element->key.bytes[0] != IPPROTO_UDP)
			continue;
		port->host.family = hostport_family_of(element) ? AF_INET6 : AF_INET;
		if (hostport_kind_of(element) == HOSTPORT_ONE)
			memcpy(port->host.bytes, element->key.bytes + 4,
			       ip_size(port->host.family));
		port->protocol = IPPROTO_UDP;
		port->port = hostport_port_of(&element->key);
		n++;
	}
	if (n > 0)
		conntrack_forget_ports(att, ports, n);
}

static int ports_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(hostport_elements_clear) struct hostport_elements elements = {};
	struct hostport_sets sets;
	struct hostport_pod pod;
	struct netlink *nl = NULL;
	int ret;

	hostport_sets_name(att->conf.name, &sets);
	hostport_pod_of_att(att, &pod);
	ret = addresses_check(&pod, err);
	if (ret == 0)
		ret = sctp_check(pod.ports, err);
	if (ret == 0)
		ret = hostport_elements_make(&sets, &pod, &elements, err);
	if (ret == 0)
		ret = hostports_make_way(att, &elements, err);
	if (ret == 0)
		ret = ipam_record_ports(att, err);
	if (ret == 0)
		ret = localnet_ensure(att, err);
	if (ret == 0)
		ret = node_nftables(att->node, &nl, err);
	if (ret < 0)
		return ret;
	ret = nft_elements_add(nl, elements.items, elements.n, 0, err);
	if (ret < 0) /* the kernel may have done it, and its answer been lost */
		nft_elements_del(nl, elements.items, elements.n, &(struct cni_error){});
	else
		udp_forget(att, &elements);
	return ret;
}

static bool has_ports(const struct attachment *att)
{
	return att->conf.ports.mappings.n > 0;
}

/* Of a pod without host ports, too: those of others may have to be put back. */
static int portmap_rules(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret;

	if (!att->conf.ports.expected && !has_ports(att))
		return 0;
	ret = hostport_rules_wanted(att, &wanted, err);
	return ret < 0 ? ret : rules_ensure(att, stage_portmap.name, &wanted, err);
}

static int portmap_add(struct attachment *att, struct cni_error *err)
{
	int ret = 0;

	if (has_ports(att))
		ret = node_lock(att->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = portmap_rules(att, err);
	return ret == 0 && has_ports(att) ? ports_add(att, err) : ret;
}

/* What of the elements the kernel has. */
struct look {
	const struct hostport_elements *wanted;
	const char *host_ifname;
	struct hostport_elements found; /* that are the pod's */
};

static int own_note(const struct nft_element *found, void *data)
{
	struct look *look = data;

	if (!hostport_is_of(found, look->host_ifname))
		return 0;
	return hostport_elements_add(&look->found, found);
}

static int own_find(struct netlink *nl, const struct hostport_elements *elements,
		    struct look *look, struct cni_error *err)
{
	_cleanup_(hostport_elements_clear) struct hostport_elements questions = {};

	for (size_t i = 0; i < elements->n; i++) {
		struct nft_element question = elements->items[i];

		if (hostport_kind_of(&question) == HOSTPORT_ONLINK)
			question.key = hostport_key_onlink(&question);
		question.end.len = question.data.len = 0;
		question.comment[0] = '\0';
		if (hostport_elements_add(&questions, &question) < 0)
			return error_oom(err);
	}
	return nft_elements_find(nl, questions.items, questions.n, own_note, look, err);
}

static bool look_has(const struct look *look, const struct nft_element *element)
{
	for (size_t i = 0; i < look->found.n; i++) {
		const struct nft_element *found = &look->found.items[i];

		if (found->set == element->set &&
		    memcmp(&found->key, &element->key, sizeof(found->key)) == 0 &&
		    memcmp(&found->data, &element->data, sizeof(found->data)) == 0)
			return true;
	}
	return false;
}

/* The rules with each attachment: they name the gateway's interface. */
static int portmap_repair(struct attachment *att, struct cni_error *err)
{
	_cleanup_(hostport_elements_clear) struct hostport_elements elements = {};
	struct hostport_sets sets;
	struct hostport_pod pod;
	struct look look = {};
	struct netlink *nl;
	bool missing = false;
	int ret = portmap_rules(att, err);

	if (ret < 0 || !has_ports(att))
		return ret;
	hostport_sets_name(att->conf.name, &sets);
	hostport_pod_of_att(att, &pod);
	look.host_ifname = pod.host_ifname;
	ret = node_nftables(att->node, &nl, err);
	if (ret == 0)
		ret = hostport_elements_make(&sets, &pod, &elements, err);
	if (ret == 0)
		ret = own_find(nl, &elements, &look, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i++)
		missing |= !look_has(&look, &elements.items[i]);
	hostport_elements_clear(&look.found);
	if (ret == 0 && missing)
		ret = hostports_make_way(att, &elements, err);
	if (ret == 0 && missing)
		ret = nft_elements_add(nl, elements.items, elements.n, 0, err);
	if (ret == 0 && missing)
		report_done(att, "portmap: its elements in table inet " RULES_TABLE);
	return ret < 0 ? ret : localnet_ensure(att, err);
}

static int element_missing(const struct nft_element *element,
			   const struct attachment *att, struct cni_error *err)
{
	if (hostport_kind_of(element) == HOSTPORT_ONLINK)
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "portmap: expected an element for %s in set %s of table "
				 "inet " RULES_TABLE ", found none: neighbours of the "
				 "pod, and itself, don't reach its host ports",
				 att->host_ifname, element->set->name);
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "portmap: expected %s port %u to lead to the pod by map %s of "
			 "table inet " RULES_TABLE ", found no such element of its own",
			 port_protocol_name(element->key.bytes[0]),
			 hostport_port_of(&element->key), element->set->name);
}

static int portmap_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(hostport_elements_clear) struct hostport_elements elements = {};
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	struct hostport_sets sets;
	struct hostport_pod pod;
	struct look look = {};
	struct netlink *nl;
	int ret;

	if (att->conf.ports.mappings.n == 0)
		return 0;
	hostport_sets_name(att->conf.name, &sets);
	hostport_pod_of_att(att, &pod);
	ret = hostport_rules_wanted(att, &wanted, err);
	if (ret == 0)
		ret = rules_check(att, stage_portmap.name, &wanted, err);
	if (ret == 0)
		ret = node_nftables(att->node, &nl, err);
	if (ret == 0)
		ret = hostport_elements_make(&sets, &pod, &elements, err);
	look.host_ifname = pod.host_ifname;
	if (ret == 0)
		ret = own_find(nl, &elements, &look, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i++)
		if (!look_has(&look, &elements.items[i]))
			ret = element_missing(&elements.items[i], att, err);
	hostport_elements_clear(&look.found);
	return ret;
}

/* What is there of it and the pod's own still. */
static int ports_del(struct attachment *att, const struct hostport_pod *pod,
		     struct cni_error *err)
{
	_cleanup_(hostport_elements_clear) struct hostport_elements elements = {};
	struct look look = {.host_ifname = pod->host_ifname};
	struct hostport_sets sets;
	struct netlink *nl;
	int ret = node_nftables(att->node, &nl, err);

	hostport_sets_name(att->conf.name, &sets);
	if (ret == 0)
		ret = hostport_elements_make(&sets, pod, &elements, err);
	if (ret == 0)
		ret = own_find(nl, &elements, &look, err);
	if (ret == 0)
		ret = nft_elements_del(nl, look.found.items, look.found.n, err);
	hostport_elements_clear(&look.found);
	return ret;
}

/* Who deleted the record of a connected pod has left its ports to their comments: they must
 * not lead to whoever has the address next. */
static int unrecorded_del(struct attachment *att, struct cni_error *err)
{
	struct look look = {.host_ifname = att->host_ifname};
	struct hostport_sets sets;
	struct netlink *nl;
	struct link host;
	int ret = link_get(att->node->rtnl, att->host_ifname, &host, err);

	if (ret < 0 || !host.index ||
	    identity_alias_is_anothers(host.alias, att->conf.name, att->env.container_id,
				       att->env.ifname))
		return ret;
	ret = node_nftables(att->node, &nl, err);
	hostport_sets_name(att->conf.name, &sets);
	for (int f = 0; ret == 0 && f < HOSTPORT_FAMILIES; f++)
		for (int k = 0; ret == 0 && k < HOSTPORT_KINDS; k++)
			ret = nft_set_elements(nl, &sets.sets[f][k], own_note, &look,
					       err);
	if (ret == 0)
		ret = nft_elements_del(nl, look.found.items, look.found.n, err);
	hostport_elements_clear(&look.found);
	/* A kernel without nf_tables has no ports. */
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

/* Then what the kernel remembers of connections, which would go on to whoever has the pod's
 * address or port next. */
static int portmap_del(struct attachment *att, struct cni_error *err)
{
	struct hostport_pod pod;
	int ret = 0;

	if (att->env.verb == CNI_ADD)
		hostport_pod_of_att(att, &pod);
	else if (att->record)
		hostport_pod_of_record(att->record, &pod);
	else
		return unrecorded_del(att, err);
	if (pod.ports->n > 0)
		ret = ports_del(att, &pod, err);
	conntrack_forget_pod(att, pod.addresses, HOSTPORT_FAMILIES, pod.ports->n > 0);
	return ret;
}

const struct stage stage_portmap = {
	.name = "portmap",
	.add = portmap_add,
	.check = portmap_check,
	.del = portmap_del,
	.repair = portmap_repair,
};
