/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells which elements are in each other's way, also where one of them is a range. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "portmap_elements.h"

/* Would both elements, which are not of kind PORTMAP_ONLINK, translate the same
 * packets? */
static bool portmap_overlap(const struct nft_element *a, const struct nft_element *b)
{
	size_t address = a->key.len - 2 * PORTMAP_PART;

	if (portmap_family_of(a) != portmap_family_of(b) ||
	    a->key.bytes[0] != b->key.bytes[0] ||
	    portmap_port_of(&a->key) > portmap_last_of(b) ||
	    portmap_port_of(&b->key) > portmap_last_of(a))
		return false;
	return !portmap_is_of_one(a) || !portmap_is_of_one(b) ||
	       memcmp(a->key.bytes + PORTMAP_PART, b->key.bytes + PORTMAP_PART,
		      address) == 0;
}

/* The ports of an element. */
struct portmap_span {
	const struct nft_element *element;
	int family;
	uint8_t protocol;
	unsigned int first, last;
	unsigned int
		reach; /* the highest last port of this and of those before, of one protocol */
};

static struct portmap_span span_of(const struct nft_element *element)
{
	return (struct portmap_span){
		.element = element,
		.family = portmap_family_of(element),
		.protocol = element->key.bytes[0],
		.first = portmap_port_of(&element->key),
		.last = portmap_last_of(element),
	};
}

static int by_protocol(const struct portmap_span *a, const struct portmap_span *b)
{
	return a->family != b->family ? a->family - b->family : a->protocol - b->protocol;
}

static int by_first(const void *left, const void *right)
{
	const struct portmap_span *a = left, *b = right;
	int ret = by_protocol(a, b);

	return ret ? ret : (a->first > b->first) - (a->first < b->first);
}

void portmap_index_clear(struct portmap_index *index)
{
	free(index->spans);
}

int portmap_index_make(const struct nft_element_list *elements,
		       struct portmap_index *ret_index)
{
	struct portmap_index index = {calloc(elements->n + 1, sizeof(*index.spans)), 0};
	struct portmap_span *spans = index.spans;

	if (!spans)
		return -ENOMEM;
	for (size_t i = 0; i < elements->n; i++)
		if (portmap_kind_of(&elements->items[i]) != PORTMAP_ONLINK)
			spans[index.n++] = span_of(&elements->items[i]);
	qsort(spans, index.n, sizeof(*spans), by_first);
	for (size_t i = 0; i < index.n; i++) {
		spans[i].reach = spans[i].last;
		if (i > 0 && by_protocol(&spans[i - 1], &spans[i]) == 0 &&
		    spans[i - 1].reach > spans[i].reach)
			spans[i].reach = spans[i - 1].reach;
	}
	*ret_index = index;
	return 0;
}

/* Counts the spans that sort before @until, or begin at its last port or before. */
static size_t spans_up_to(const struct portmap_index *index, struct portmap_span until)
{
	size_t from = 0, to = index->n;

	until.first = until.last;
	while (from < to) {
		size_t middle = (from + to) / 2;

		if (by_first(&index->spans[middle], &until) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

bool portmap_index_overlaps(const struct portmap_index *index,
			    const struct nft_element *element)
{
	const struct portmap_span wanted = span_of(element);
	const struct portmap_span *span;

	for (size_t i = spans_up_to(index, wanted); i > 0; i--) {
		span = &index->spans[i - 1];
		if (by_protocol(span, &wanted) != 0 || span->reach < wanted.first)
			return false;
		if (span->last >= wanted.first && portmap_overlap(span->element, element))
			return true;
	}
	return false;
}

static void port_set(struct nft_value *key, unsigned int port)
{
	uint16_t number = htons(port);

	if (key->len)
		memcpy(key->bytes + key->len - PORTMAP_PART, &number, sizeof(number));
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

/* Adds those ports of @element to @left that overlap with none of @others. */
static int free_parts(const struct nft_element *element,
		      const struct portmap_index *others, struct nft_element_list *left)
{
	unsigned int from = portmap_port_of(&element->key),
		     last = portmap_last_of(element);
	int ret = 0;

	for (unsigned int port = from; ret == 0 && port <= last + 1; port++) {
		struct nft_element one = part_of(element, port, port);

		if (port <= last && !portmap_index_overlaps(others, &one))
			continue;
		if (port > from) {
			one = part_of(element, from, port - 1);
			ret = nft_element_list_add(left, &one);
		}
		from = port + 1;
	}
	return ret;
}

int portmap_elements_except(struct nft_element_list *elements,
			    const struct nft_element_list *others, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list left = {};
	_cleanup_(portmap_index_clear) struct portmap_index index = {};
	int ret = 0;

	if (others->n == 0)
		return 0;
	ret = portmap_index_make(others, &index);
	for (size_t i = 0; ret == 0 && i < elements->n; i++) {
		const struct nft_element *element = &elements->items[i];

		ret = portmap_kind_of(element) == PORTMAP_ONLINK
			      ? nft_element_list_add(&left, element)
			      : free_parts(element, &index, &left);
	}
	if (ret < 0)
		return error_oom(err);
	nft_element_list_clear(elements);
	*elements = left;
	left = (struct nft_element_list){};
	return 0;
}
