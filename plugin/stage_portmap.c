/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portMappings: what comes to a port of this node's own addresses goes on to the pod. Rules of
 * a network and family, constant in number, over maps whose elements are the pods'
 * (hostports.h). What the pod would answer past the node, where nobody would undo the
 * translation, is masqueraded: its own subnet, itself included, and 127.0.0.0/8.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../ipam/ipam.h"
#include "conntrack.h"
#include "hostport_taken.h"
#include "hostports.h"
#include "node.h"
#include "stages.h"
#include "sysctl.h"

#define SCTP_SYSCTL "netfilter/nf_conntrack_sctp_timeout_established"

/* Before kube-proxy's, whose chains have dstnat and -100: which of two chains of one priority
 * comes first depends on which was made last. */
static const struct rules_chain prerouting = {
	.name = "prerouting",
	.hook = "type nat hook prerouting priority dstnat - 1",
};

static const struct rules_chain output = {
	.name = "output",
	.hook = "type nat hook output priority -101",
};

static const struct rules_chain postrouting = {
	.name = "postrouting",
	.hook = "type nat hook postrouting priority srcnat",
};

static const struct rules_chain raw = {
	.name = "raw",
	.hook = "type filter hook prerouting priority raw",
};

static const struct {
	const char *digit, *ip, *nfproto;
	const char *loopback; /* that nothing is translated from */
} families[HOSTPORT_FAMILIES] = {
	{"4", "ip", "ipv4", " ip daddr != 127.0.0.0/8"},
	{"6", "ip6", "ipv6", " ip6 daddr != ::1"},
};

#define RULES_MAX (5 * HOSTPORT_FAMILIES + 2)

static struct rule_text *rule_begin(struct rule_list *list,
				    const struct rules_chain *chain, const char *kind,
				    const char *digit, struct rule_text *text)
{
	struct rule *rule = &list->items[list->n];

	rule->chain = chain;
	snprintf(rule->kind, sizeof(rule->kind), "%s%s", kind, digit);
	*text = (struct rule_text){};
	return text;
}

static void rule_end(struct rule_list *list, struct rule_text *text, bool *failed)
{
	*failed |= text->failed;
	list->items[list->n++].text = text->text;
}

/*
 * The node's address goes into a set on the way, for a minute: so the rule that masquerades
 * can tell these connections from a Service's to the same pod, which must keep their source.
 */
static void dnat_add(struct rule_list *list, const struct rules_chain *chain, int f,
		     const char *kind, const char *except, const char *key,
		     const char *map, bool *failed)
{
	const char *ip = families[f].ip, *digit = families[f].digit;
	struct rule_text text;

	rule_text_add(rule_begin(list, chain, kind, digit, &text),
		      "meta nfproto %s%s fib daddr type local update @%s { %s "
		      "daddr } dnat %s to meta l4proto . %sth dport map @%s",
		      families[f].nfproto, except, hostport_nodeips[f], ip, ip, key, map);
	rule_end(list, &text, failed);
}

static void family_rules(const struct attachment *att, int f,
			 const struct hostport_sets *sets, struct rule_list *list,
			 bool *failed)
{
	const char *ip = families[f].ip, *digit = families[f].digit;
	bool snat = att->conf.ports.snat;
	const char *except = f == HOSTPORT_IPV4 && snat ? "" : families[f].loopback;
	const char *one = f == HOSTPORT_IPV4 ? "ip daddr . " : "ip6 daddr . ";
	struct rule_text text;

	dnat_add(list, &prerouting, f, "any", "", "", sets->names[f][HOSTPORT_ANY],
		 failed);
	dnat_add(list, &prerouting, f, "one", "", one, sets->names[f][HOSTPORT_ONE],
		 failed);
	dnat_add(list, &output, f, "outany", except, "", sets->names[f][HOSTPORT_ANY],
		 failed);
	dnat_add(list, &output, f, "outone", except, one, sets->names[f][HOSTPORT_ONE],
		 failed);
	if (!snat)
		return;
	rule_text_add(rule_begin(list, &postrouting, "snat", digit, &text),
		      "ct status dnat ct original %s daddr @%s %s daddr . %s saddr "
		      "@%s masquerade",
		      ip, hostport_nodeips[f], ip, ip, sets->names[f][HOSTPORT_ONLINK]);
	rule_end(list, &text, failed);
}

/* With route_localnet the kernel would take packets of pods to and from 127.0.0.0/8, and so
 * let them at what listens there (CVE-2020-8558). */
static void localnet_rules(const struct attachment *att, struct rule_list *list,
			   bool *failed)
{
	static const char *const ends[] = {"saddr", "daddr"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct rule_text text;

		rule_text_add(rule_begin(list, &raw, "localnet", ends[i], &text),
			      "iif %u ip %s 127.0.0.0/8 drop", att->gateway_index,
			      ends[i]);
		rule_end(list, &text, failed);
	}
}

static int rules_wanted(const struct attachment *att, struct rule_list *ret_list,
			struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list list = {
		.items = calloc(RULES_MAX, sizeof(*list.items)),
	};
	struct hostport_sets sets;
	bool failed = false;
	int ret;

	if (!list.items)
		return error_oom(err);
	hostport_sets_name(att->conf.name, &sets);
	ret = hostport_sets_wanted(&att->conf, &list, err);
	if (ret < 0)
		return ret;
	for (int f = 0; f < HOSTPORT_FAMILIES; f++)
		family_rules(att, f, &sets, &list, &failed);
	if (att->conf.ports.snat)
		localnet_rules(att, &list, &failed);
	if (failed)
		return error_oom(err);
	*ret_list = list;
	list = (struct rule_list){};
	return 0;
}

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
static void udp_forget(struct attachment *att, const struct hostport_elements *elements,
		       struct netlink *nl)
{
	for (size_t i = 0; i < elements->n; i++) {
		const struct nft_element *element = &elements->items[i];
		struct ip_addr host = {};

		if (hostport_kind_of(element) == HOSTPORT_ONLINK ||
		    element->key.bytes[0] != IPPROTO_UDP)
			continue;
		host.family = hostport_family_of(element) ? AF_INET6 : AF_INET;
		if (hostport_kind_of(element) == HOSTPORT_ONE)
			memcpy(host.bytes, element->key.bytes + 4, ip_size(host.family));
		conntrack_forget_port(att, nl, &host, IPPROTO_UDP,
				      hostport_port_of(&element->key));
	}
}

static int ports_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(hostport_elements_clear) struct hostport_elements elements = {};
	struct hostport_sets sets;
	struct hostport_pod pod;
	struct netlink *nl;
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
		udp_forget(att, &elements, nl);
	return ret;
}

/* Of a pod without host ports, too: those of others may have to be put back. */
static int portmap_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	bool ports = att->conf.ports.mappings.n > 0;
	int ret;

	if (!att->conf.ports.expected)
		return 0;
	ret = rules_wanted(att, &wanted, err);
	if (ret == 0 && ports)
		ret = node_lock(att->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = rules_ensure(att, stage_portmap.name, &wanted, err);
	return ret == 0 && ports ? ports_add(att, err) : ret;
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
	ret = rules_wanted(att, &wanted, err);
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

/* What is there of it and the pod's own still; then what the kernel remembers of
 * connections to it, which would go on to whoever has the address next. */
static int portmap_del(struct attachment *att, struct cni_error *err)
{
	_cleanup_(hostport_elements_clear) struct hostport_elements elements = {};
	struct hostport_sets sets;
	struct hostport_pod pod;
	struct look look = {};
	struct netlink *nl;
	int ret;

	if (att->env.verb == CNI_ADD)
		hostport_pod_of_att(att, &pod);
	else if (att->record)
		hostport_pod_of_record(att->record, &pod);
	else
		return 0;
	ret = node_nftables(att->node, &nl, err);
	if (ret == 0 && pod.ports->n > 0) {
		look.host_ifname = pod.host_ifname;
		hostport_sets_name(att->conf.name, &sets);
		ret = hostport_elements_make(&sets, &pod, &elements, err);
		if (ret == 0)
			ret = own_find(nl, &elements, &look, err);
		if (ret == 0)
			ret = nft_elements_del(nl, look.found.items, look.found.n, err);
		hostport_elements_clear(&look.found);
	}
	if (ret == 0)
		conntrack_forget_pod(att, nl, pod.addresses, HOSTPORT_FAMILIES,
				     pod.ports->n > 0);
	return ret;
}

const struct stage stage_portmap = {
	.name = "portmap",
	.add = portmap_add,
	.check = portmap_check,
	.del = portmap_del,
};
