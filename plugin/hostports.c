/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements of host ports: as bytes for the kernel, as text where they are put back. */
#include "hostports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../ipam/ipam.h"
#include "node.h"

#define PORT_PART   4 /* bytes of a port, and of a protocol, in a concatenation */
#define NO_PROTOCOL 255 /* reserved by IANA: of sentinels */

static const struct {
	const char *prefix, *what, *type;
} types[HOSTPORT_FAMILIES][HOSTPORT_KINDS] = {
	{
		{"hostports4_", "map",
		 "type inet_proto . inet_service : ipv4_addr . inet_service"},
		{"hostips4_", "map",
		 "type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service"},
		{"onlink4_", "set", "type ipv4_addr . ipv4_addr; flags interval"},
	},
	{
		{"hostports6_", "map",
		 "type inet_proto . inet_service : ipv6_addr . inet_service"},
		{"hostips6_", "map",
		 "type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service"},
		{"onlink6_", "set", "type ipv6_addr . ipv6_addr; flags interval"},
	},
};

const char *const hostport_nodeips[HOSTPORT_FAMILIES] = {"nodeips4", "nodeips6"};

static const char *const address_types[HOSTPORT_FAMILIES] = {"ipv4_addr", "ipv6_addr"};

static const int families[HOSTPORT_FAMILIES] = {AF_INET, AF_INET6};

void hostport_sets_name(const char *network, struct hostport_sets *sets)
{
	for (int f = 0; f < HOSTPORT_FAMILIES; f++) {
		for (int k = 0; k < HOSTPORT_KINDS; k++) {
			snprintf(sets->names[f][k], HOSTPORT_SET_NAME_MAX,
				 "%s%016" PRIx64, types[f][k].prefix, hash_text(network));
			sets->sets[f][k] = (struct nft_set){NFPROTO_INET, RULES_TABLE,
							    sets->names[f][k]};
		}
	}
}

bool hostport_set_read(const char *name, int *ret_family, enum hostport_kind *ret_kind)
{
	for (int f = 0; f < HOSTPORT_FAMILIES; f++) {
		for (int k = 0; k < HOSTPORT_KINDS; k++) {
			const char *prefix = types[f][k].prefix;

			if (strncmp(name, prefix, strlen(prefix)) != 0)
				continue;
			*ret_family = f;
			*ret_kind = k;
			return true;
		}
	}
	return false;
}

enum hostport_kind hostport_kind_of(const struct nft_element *element)
{
	enum hostport_kind kind = HOSTPORT_KINDS;
	int family;

	hostport_set_read(element->set->name, &family, &kind);
	return kind;
}

int hostport_family_of(const struct nft_element *element)
{
	enum hostport_kind kind;
	int family = HOSTPORT_IPV4;

	hostport_set_read(element->set->name, &family, &kind);
	return family;
}

struct nft_value hostport_key_any(const struct nft_element *element)
{
	const struct nft_value *key = &element->key;
	struct nft_value any = {.len = 2 * PORT_PART};

	memcpy(any.bytes, key->bytes, PORT_PART);
	memcpy(any.bytes + PORT_PART, key->bytes + key->len - PORT_PART, PORT_PART);
	return any;
}

unsigned int hostport_port_of(const struct nft_value *key)
{
	const uint8_t *bytes = key->bytes + key->len - PORT_PART;

	return bytes[0] << 8 | bytes[1];
}

struct nft_value hostport_key_onlink(const struct nft_element *element)
{
	const struct nft_value *key = &element->key;
	size_t size = key->len / 2;
	struct nft_value in = *key;

	/* Its own address lies in any subnet of its own; 127.0.0.0/8 is what it is. */
	if (size != ip_size(AF_INET) || key->bytes[size] != 127)
		memcpy(in.bytes + size, key->bytes, size);
	return in;
}

bool hostport_is_of(const struct nft_element *element, const char *host_ifname)
{
	size_t len = strlen(host_ifname);

	return strncmp(element->comment, host_ifname, len) == 0 &&
	       (element->comment[len] == ' ' || element->comment[len] == '\0');
}

/* The first address of each family is the one that ports lead to. */
static void address_note(struct hostport_pod *pod, const struct ip_prefix *address)
{
	int f = address->addr.family == AF_INET ? HOSTPORT_IPV4 : HOSTPORT_IPV6;

	if (!pod->addresses[f].addr.family)
		pod->addresses[f] = *address;
}

void hostport_pod_of_att(const struct attachment *att, struct hostport_pod *pod)
{
	*pod = (struct hostport_pod){
		.label = att->pod[0] ? att->pod : att->env.container_id,
		.ports = &att->conf.ports.mappings,
	};
	memcpy(pod->host_ifname, att->host_ifname, IF_NAMESIZE);
	for (size_t i = 0; i < att->ipam.ips.n; i++)
		address_note(pod, &att->ipam.ips.items[i].address);
}

void hostport_pod_of_record(const struct record *record, struct hostport_pod *pod)
{
	*pod = (struct hostport_pod){
		.label = record->pod[0] ? record->pod : record->container_id,
		.ports = &record->ports,
	};
	identity_host_ifname(record->network, record->container_id, record->ifname,
			     pod->host_ifname);
	for (size_t i = 0; i < record->n; i++)
		address_note(pod, &record->addresses[i].address);
}

static void add_port(struct nft_value *value, uint32_t port)
{
	uint16_t number = htons(port);

	nft_value_add_part(value, &number, sizeof(number));
}

static void port_element(const struct nft_set *sets, const struct port_mapping *port,
			 const struct ip_addr *pod, struct nft_element *element)
{
	bool wild = port_mapping_is_wild(port);

	element->set = &sets[wild ? HOSTPORT_ANY : HOSTPORT_ONE];
	nft_value_add_part(&element->key, &port->protocol, sizeof(port->protocol));
	if (!wild)
		nft_value_add_part(&element->key, port->host_ip.bytes,
				   ip_size(port->host_ip.family));
	add_port(&element->key, port->host_port);
	nft_value_add_part(&element->data, pod->bytes, ip_size(pod->family));
	add_port(&element->data, port->container_port);
}

static void onlink_element(const struct nft_set *sets, const struct ip_addr *pod,
			   const struct ip_prefix *sources, struct nft_element *element)
{
	size_t size = ip_size(pod->family);
	struct ip_prefix network = prefix_network(sources);
	struct ip_addr last = prefix_last(sources);

	element->set = &sets[HOSTPORT_ONLINK];
	nft_value_add_part(&element->key, pod->bytes, size);
	nft_value_add_part(&element->key, network.addr.bytes, size);
	nft_value_add_part(&element->end, pod->bytes, size);
	nft_value_add_part(&element->end, last.bytes, size);
}

/* One of each kind, of nothing that a packet could have. */
static void sentinels_make(const struct nft_set *sets, int family,
			   struct nft_element elements[HOSTPORT_KINDS])
{
	struct port_mapping port = {.protocol = NO_PROTOCOL};
	struct ip_addr nobody = {.family = family};
	struct ip_addr multicast = {family, {0xff, 0xff, 0xff, 0xff}};
	struct ip_prefix all = {multicast, ip_bits(family)};

	port_element(sets, &port, &nobody, &elements[HOSTPORT_ANY]);
	port.host_ip = multicast;
	port_element(sets, &port, &nobody, &elements[HOSTPORT_ONE]);
	onlink_element(sets, &multicast, &all, &elements[HOSTPORT_ONLINK]);
}

int hostport_elements_make(const struct hostport_sets *sets,
			   const struct hostport_pod *pod,
			   struct nft_element_list *elements, struct cni_error *err)
{
	static const struct ip_prefix loopback = {{AF_INET, {127}}, 8};
	size_t first = elements->n;

	if (nft_element_list_grow(elements, HOSTPORT_FAMILIES * (pod->ports->n + 2)) < 0)
		return error_oom(err);
	for (int f = 0; f < HOSTPORT_FAMILIES; f++) {
		const struct ip_prefix *own = &pod->addresses[f];
		size_t before = elements->n;

		for (size_t i = 0; own->addr.family && i < pod->ports->n; i++)
			if (port_mapping_is_for(&pod->ports->items[i], families[f]))
				port_element(sets->sets[f], &pod->ports->items[i],
					     &own->addr, &elements->items[elements->n++]);
		if (elements->n == before)
			continue;
		onlink_element(sets->sets[f], &own->addr, own,
			       &elements->items[elements->n++]);
		if (f == HOSTPORT_IPV4)
			onlink_element(sets->sets[f], &own->addr, &loopback,
				       &elements->items[elements->n++]);
	}
	for (size_t i = first; i < elements->n; i++)
		snprintf(elements->items[i].comment, NFT_COMMENT_MAX - 1, "%s %s",
			 pod->host_ifname, pod->label);
	return 0;
}

static const char *address_text(const uint8_t *bytes, int family, char buf[IP_TEXT_MAX])
{
	struct ip_addr ip = {.family = families[family]};

	memcpy(ip.bytes, bytes, ip_size(ip.family));
	return ip_format(&ip, buf);
}
#define ADDRESS_TEXT(bytes, family) address_text((bytes), (family), (char[IP_TEXT_MAX]){})

const char *hostport_host_format(const struct nft_element *element, char buf[IP_TEXT_MAX])
{
	return address_text(element->key.bytes + PORT_PART, hostport_family_of(element),
			    buf);
}

/* An element in nft's words: what libnftables makes of them are the same bytes. */
static void element_text(const struct nft_element *element, struct rule_text *text)
{
	enum hostport_kind kind = hostport_kind_of(element);
	int f = hostport_family_of(element);
	const uint8_t *key = element->key.bytes, *end = element->end.bytes;
	unsigned int size = ip_size(families[f]);

	rule_text_add(text, "add element inet " RULES_TABLE " %s { ", element->set->name);
	if (kind == HOSTPORT_ONLINK) {
		rule_text_add(text, "%s . %s", ADDRESS_TEXT(key, f),
			      ADDRESS_TEXT(key + size, f));
		if (memcmp(key + size, end + size, size) != 0)
			rule_text_add(text, "-%s", ADDRESS_TEXT(end + size, f));
	} else {
		rule_text_add(text, "%u . ", key[0]);
		if (kind == HOSTPORT_ONE)
			rule_text_add(text, "%s . ", ADDRESS_TEXT(key + PORT_PART, f));
		rule_text_add(text, "%u", hostport_port_of(&element->key));
	}
	if (element->comment[0])
		rule_text_add(text, " comment \"%s\"", element->comment);
	if (kind != HOSTPORT_ONLINK)
		rule_text_add(text, " : %s . %u", ADDRESS_TEXT(element->data.bytes, f),
			      hostport_port_of(&element->data));
	rule_text_add(text, " }\n");
}

struct filling {
	const struct attachment *att;
	const struct hostport_sets *sets;
	struct rule_text *text;
};

static int record_fill(const struct record *record, void *data, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	const struct filling *filling = data;
	const struct ipam_kernel *kernel = filling->att->kernel;
	struct hostport_pod pod;
	int ret;

	/* No DEL would take away again what a pod without interface got back; the attachment's
	 * own are added, and undone, by themselves. */
	if (record->ports.n == 0 || !kernel || !kernel->has_interface ||
	    !kernel->has_interface(kernel, record))
		return 0;
	hostport_pod_of_record(record, &pod);
	if (strcmp(pod.host_ifname, filling->att->host_ifname) == 0)
		return 0;
	ret = hostport_elements_make(filling->sets, &pod, &elements, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i++)
		element_text(&elements.items[i], filling->text);
	return ret;
}

/* What is in a set that is still there may be in the way: all are made anew. */
static int fill(struct attachment *att, struct rule_text *text, struct cni_error *err)
{
	struct hostport_sets sets;
	struct filling filling = {att, &sets, text};

	hostport_sets_name(att->conf.name, &sets);
	for (int f = 0; f < HOSTPORT_FAMILIES; f++) {
		struct nft_element sentinels[HOSTPORT_KINDS] = {};

		sentinels_make(sets.sets[f], families[f], sentinels);
		for (int k = 0; k < HOSTPORT_KINDS; k++) {
			rule_text_add(text, "flush %s inet " RULES_TABLE " %s\n",
				      types[f][k].what, sets.names[f][k]);
			element_text(&sentinels[k], text);
		}
	}
	return ipam_records(att, record_fill, &filling, err);
}

int hostport_sets_wanted(const struct net_conf *conf, struct rule_list *list,
			 struct cni_error *err)
{
	struct nft_element sentinels[HOSTPORT_FAMILIES * HOSTPORT_KINDS] = {};
	struct rule_text text = {};
	struct hostport_sets sets;

	hostport_sets_name(conf->name, &sets);
	for (int f = 0; f < HOSTPORT_FAMILIES; f++) {
		sentinels_make(sets.sets[f], families[f], sentinels + f * HOSTPORT_KINDS);
		for (int k = 0; k < HOSTPORT_KINDS; k++)
			rule_text_add(&text, "add %s inet " RULES_TABLE " %s { %s; }\n",
				      types[f][k].what, sets.names[f][k],
				      types[f][k].type);
	}
	for (int f = 0; f < HOSTPORT_FAMILIES; f++)
		rule_text_add(&text,
			      "add set inet " RULES_TABLE " %s { type %s; flags dynamic,"
			      "timeout; timeout 1m; }\n",
			      hostport_nodeips[f], address_types[f]);
	list->sets = text.text;
	list->fill = fill;
	return text.failed
		       ? error_oom(err)
		       : rule_list_sentinels(list, sentinels, ARRAY_SIZE(sentinels), err);
}
