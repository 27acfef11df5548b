/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the sets and maps, and a pod's elements in them. */
#include "portmap_elements.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Sentinels have a protocol that IANA reserves, and addresses that nobody has. */
#define NO_PROTOCOL "\377"
#define NO_ADDRESS  "\377\377\377\377"

const struct set_type portmap_set_types[PORTMAP_FAMILIES][PORTMAP_KINDS] = {
	{
		{NFPROTO_INET, "hostports4", .key = {SET_PROTOCOL, SET_PORT},
		 .data = {SET_IPV4, SET_PORT}, .sentinel = {NO_PROTOCOL}},
		{NFPROTO_INET, "hostips4", .key = {SET_PROTOCOL, SET_IPV4, SET_PORT},
		 .data = {SET_IPV4, SET_PORT}, .sentinel = {NO_PROTOCOL, NO_ADDRESS}},
		{NFPROTO_INET, "hostranges4", .key = {SET_PROTOCOL, SET_IPV4, SET_PORT},
		 .data = {SET_IPV4}, .interval = true,
		 .sentinel = {NO_PROTOCOL, NO_ADDRESS}},
		{NFPROTO_INET, "onlink4", .key = {SET_IPV4, SET_IPV4}, .interval = true,
		 .sentinel = {NO_ADDRESS, NO_ADDRESS}},
	},
	{
		{NFPROTO_INET, "hostports6", .key = {SET_PROTOCOL, SET_PORT},
		 .data = {SET_IPV6, SET_PORT}, .sentinel = {NO_PROTOCOL}},
		{NFPROTO_INET, "hostips6", .key = {SET_PROTOCOL, SET_IPV6, SET_PORT},
		 .data = {SET_IPV6, SET_PORT}, .sentinel = {NO_PROTOCOL, NO_ADDRESS}},
		{NFPROTO_INET, "hostranges6", .key = {SET_PROTOCOL, SET_IPV6, SET_PORT},
		 .data = {SET_IPV6}, .interval = true,
		 .sentinel = {NO_PROTOCOL, NO_ADDRESS}},
		{NFPROTO_INET, "onlink6", .key = {SET_IPV6, SET_IPV6}, .interval = true,
		 .sentinel = {NO_ADDRESS, NO_ADDRESS}},
	},
};

const char *const portmap_nodeips[] = {"nodeips4", "nodeips6", NULL};

void portmap_sets_name(uint64_t owner, struct portmap_sets *sets)
{
	for (int f = 0; f < PORTMAP_FAMILIES; f++)
		for (int k = 0; k < PORTMAP_KINDS; k++)
			set_name(&portmap_set_types[f][k], owner, &sets->sets[f][k]);
}

bool portmap_set_read(const char *name, struct nft_set *ret_set)
{
	return set_read(&portmap_set_types[0][0], PORTMAP_SETS, name, ret_set);
}

enum portmap_kind portmap_set_kind(const struct nft_set *set)
{
	return (set->type - &portmap_set_types[0][0]) % PORTMAP_KINDS;
}

int portmap_set_family(const struct nft_set *set)
{
	return (set->type - &portmap_set_types[0][0]) / PORTMAP_KINDS;
}

enum portmap_kind portmap_kind_of(const struct nft_element *element)
{
	return portmap_set_kind(element->set);
}

int portmap_family_of(const struct nft_element *element)
{
	return portmap_set_family(element->set);
}

struct nft_value portmap_key_any(const struct nft_element *element)
{
	const struct nft_value *key = &element->key;
	struct nft_value any = {.len = 2 * PORTMAP_PART};

	memcpy(any.bytes, key->bytes, PORTMAP_PART);
	memcpy(any.bytes + PORTMAP_PART, key->bytes + key->len - PORTMAP_PART,
	       PORTMAP_PART);
	return any;
}

unsigned int portmap_port_of(const struct nft_value *key)
{
	const uint8_t *bytes = key->bytes + key->len - PORTMAP_PART;

	return bytes[0] << 8 | bytes[1];
}

unsigned int portmap_last_of(const struct nft_element *element)
{
	return portmap_port_of(element->end.len ? &element->end : &element->key);
}

bool portmap_is_of_one(const struct nft_element *element)
{
	const struct nft_value *key = &element->key, *end = &element->end;

	return portmap_kind_of(element) == PORTMAP_ONE ||
	       (portmap_kind_of(element) == PORTMAP_RANGE &&
		memcmp(key->bytes + PORTMAP_PART, end->bytes + PORTMAP_PART,
		       key->len - 2 * PORTMAP_PART) == 0);
}

struct nft_value portmap_key_onlink(const struct nft_element *element)
{
	const struct nft_value *key = &element->key;
	size_t size = key->len / 2;
	struct nft_value in = *key;

	/* The pod's own address lies in its subnet, whichever that is. */
	memcpy(in.bytes + size, key->bytes, size);
	return in;
}

bool portmap_is_of(const struct nft_element *element, const char *host_ifname)
{
	size_t len = strlen(host_ifname);

	return strncmp(element->comment, host_ifname, len) == 0 &&
	       (element->comment[len] == ' ' || element->comment[len] == '\0');
}

/* Makes the element of the mapping's port at @offset. */
static void port_element(const struct nft_set *sets, const struct port_mapping *port,
			 uint32_t offset, const struct ip_addr *pod,
			 struct nft_element *element)
{
	uint16_t host_port = htons(port->host_port + offset);
	uint16_t container_port = htons(port->container_port + offset);
	const void *const *data = SET_VALUES(pod->bytes, &container_port);

	if (port_mapping_is_wild(port))
		set_element(&sets[PORTMAP_ANY], SET_VALUES(&port->protocol, &host_port),
			    NULL, data, element);
	else
		set_element(&sets[PORTMAP_ONE],
			    SET_VALUES(&port->protocol, port->host_ip.bytes, &host_port),
			    NULL, data, element);
}

/* Makes the element of all ports of a mapping, which are the same on both sides. */
static void range_element(const struct nft_set *sets, const struct port_mapping *port,
			  const struct ip_addr *pod, struct nft_element *element)
{
	uint16_t first = htons(port->host_port);
	uint16_t last = htons(port->host_port + port->count - 1);
	struct ip_addr from = port->host_ip, to = from;

	if (port_mapping_is_wild(port)) {
		from = (struct ip_addr){.family = pod->family};
		memset(to.bytes, 0xff, sizeof(to.bytes));
	}
	set_element(&sets[PORTMAP_RANGE], SET_VALUES(&port->protocol, from.bytes, &first),
		    SET_VALUES(&port->protocol, to.bytes, &last), SET_VALUES(pod->bytes),
		    element);
}

static void onlink_element(const struct nft_set *sets, const struct ip_addr *pod,
			   const struct ip_prefix *sources, struct nft_element *element)
{
	struct ip_prefix network = prefix_network(sources);
	struct ip_addr last = prefix_last(sources);

	set_element(&sets[PORTMAP_ONLINK], SET_VALUES(pod->bytes, network.addr.bytes),
		    SET_VALUES(pod->bytes, last.bytes), NULL, element);
}

/* Returns the number of elements of a mapping. */
static size_t elements_of(const struct port_mapping *port)
{
	return port->host_port == port->container_port ? 1 : port->count;
}

static void mapping_elements(const struct nft_set *sets, const struct port_mapping *port,
			     const struct ip_addr *pod, struct nft_element_list *elements)
{
	if (port->count > 1 && elements_of(port) == 1) {
		range_element(sets, port, pod, &elements->items[elements->n++]);
		return;
	}
	for (uint32_t i = 0; i < port->count; i++)
		port_element(sets, port, i, pod, &elements->items[elements->n++]);
}

int portmap_elements_make(const struct portmap_sets *sets, const struct pod_facts *pod,
			  struct nft_element_list *elements, struct cni_error *err)
{
	static const struct ip_prefix all[PORTMAP_FAMILIES] = {
		{.addr.family = AF_INET},
		{.addr.family = AF_INET6},
	};
	size_t first = elements->n, most = 1; /* onlink */

	for (size_t i = 0; i < pod->ports->n; i++)
		most += elements_of(&pod->ports->items[i]);
	if (nft_element_list_grow(elements, PORTMAP_FAMILIES * most) < 0)
		return error_oom(err);
	for (int f = 0; f < PORTMAP_FAMILIES; f++) {
		const struct ip_prefix *own = &pod->addresses[f];
		size_t before = elements->n;

		for (size_t i = 0; own->addr.family && i < pod->ports->n; i++)
			if (port_mapping_is_for(&pod->ports->items[i], ip_families[f]))
				mapping_elements(sets->sets[f], &pod->ports->items[i],
						 &own->addr, elements);
		if (elements->n > before)
			onlink_element(sets->sets[f], &own->addr,
				       pod->masq_all ? &all[f] : own,
				       &elements->items[elements->n++]);
	}
	for (size_t i = first; i < elements->n; i++)
		snprintf(elements->items[i].comment, NFT_COMMENT_MAX - 1, "%s %s",
			 pod->host_ifname, pod->label);
	return 0;
}

const char *portmap_host_format(const struct nft_element *element, char buf[IP_TEXT_MAX])
{
	struct ip_addr ip = {.family = ip_families[portmap_family_of(element)]};

	memcpy(ip.bytes, element->key.bytes + PORTMAP_PART, ip_size(ip.family));
	return ip_format(&ip, buf);
}
