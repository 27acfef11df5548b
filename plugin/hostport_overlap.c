/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which elements are in each other's way, also where one of them is a range. */
#include <netinet/in.h>
#include <string.h>

#include "hostports.h"

bool hostport_overlap(const struct nft_element *a, const struct nft_element *b)
{
	size_t address = a->key.len - 2 * HOSTPORT_PART;

	if (hostport_family_of(a) != hostport_family_of(b) ||
	    a->key.bytes[0] != b->key.bytes[0] ||
	    hostport_port_of(&a->key) > hostport_last_of(b) ||
	    hostport_port_of(&b->key) > hostport_last_of(a))
		return false;
	return !hostport_is_of_one(a) || !hostport_is_of_one(b) ||
	       memcmp(a->key.bytes + HOSTPORT_PART, b->key.bytes + HOSTPORT_PART,
		      address) == 0;
}

/* The ports that some elements have: most are in nobody's way, and so aren't compared with
 * each of thousands. */
struct ports {
	uint8_t bits[HOSTPORT_FAMILIES][UINT8_MAX + 1][(UINT16_MAX + 1) / 8];
};

static uint8_t *byte_of(struct ports *ports, const struct nft_element *element,
			unsigned int port)
{
	return &ports->bits[hostport_family_of(element)][element->key.bytes[0]][port / 8];
}

static void ports_add(struct ports *ports, const struct nft_element *element)
{
	for (unsigned int port = hostport_port_of(&element->key);
	     port <= hostport_last_of(element); port++)
		*byte_of(ports, element, port) |= 1 << port % 8;
}

static bool ports_have(struct ports *ports, const struct nft_element *element,
		       unsigned int port)
{
	return *byte_of(ports, element, port) & 1 << port % 8;
}

static bool overlaps_any(const struct nft_element *element,
			 const struct nft_element_list *taken)
{
	for (size_t i = 0; i < taken->n; i++)
		if (hostport_kind_of(&taken->items[i]) != HOSTPORT_ONLINK &&
		    hostport_overlap(element, &taken->items[i]))
			return true;
	return false;
}

static void port_set(struct nft_value *key, unsigned int port)
{
	uint16_t number = htons(port);

	if (key->len)
		memcpy(key->bytes + key->len - HOSTPORT_PART, &number, sizeof(number));
}

/* A part of @whole, from port to port. */
static struct nft_element part_of(const struct nft_element *whole, unsigned int from,
				  unsigned int to)
{
	struct nft_element part = *whole;

	port_set(&part.key, from);
	port_set(&part.end, to);
	return part;
}

/* Adds to @left those of its ports that are free. */
static int free_parts(const struct nft_element *element, struct ports *ports,
		      const struct nft_element_list *taken, struct nft_element_list *left)
{
	unsigned int from = hostport_port_of(&element->key),
		     last = hostport_last_of(element);
	int ret = 0;

	for (unsigned int port = from; ret == 0 && port <= last + 1; port++) {
		struct nft_element one = part_of(element, port, port);

		if (port <= last &&
		    !(ports_have(ports, element, port) && overlaps_any(&one, taken)))
			continue;
		if (port > from) {
			one = part_of(element, from, port - 1);
			ret = nft_element_list_add(left, &one);
		}
		from = port + 1;
	}
	return ret;
}

int hostport_elements_except(struct nft_element_list *elements,
			     const struct nft_element_list *taken, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list left = {};
	_cleanup_(free_p) struct ports *ports = NULL;
	int ret = 0;

	if (taken->n == 0)
		return 0;
	ports = calloc(1, sizeof(*ports));
	if (!ports)
		return error_oom(err);
	for (size_t i = 0; i < taken->n; i++)
		if (hostport_kind_of(&taken->items[i]) != HOSTPORT_ONLINK)
			ports_add(ports, &taken->items[i]);
	for (size_t i = 0; ret == 0 && i < elements->n; i++) {
		const struct nft_element *element = &elements->items[i];

		ret = hostport_kind_of(element) == HOSTPORT_ONLINK
			      ? nft_element_list_add(&left, element)
			      : free_parts(element, ports, taken, &left);
	}
	if (ret < 0)
		return error_oom(err);
	nft_element_list_clear(elements);
	*elements = left;
	left = (struct nft_element_list){};
	return 0;
}
