/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks a pod's elements up, and ends what conntrack remembers of its ports. */
#include "portmap_own.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>

#include "plugin/netlink/nf_tables_lookup.h"
#include "conntrack.h"

struct search {
	const char *host_ifname;
	struct nft_element_list *found;
};

static int own_note(const struct nft_element *found, void *data)
{
	const struct search *search = data;

	if (!portmap_is_of(found, search->host_ifname))
		return 0;
	return nft_element_list_add(search->found, found);
}

static int by_key(const void *left, const void *right)
{
	const struct nft_element *a = left, *b = right;
	int ret = ((uintptr_t)a->set > (uintptr_t)b->set) -
		  ((uintptr_t)a->set < (uintptr_t)b->set);

	return ret ? ret : memcmp(&a->key, &b->key, sizeof(a->key));
}

int portmap_find_own(struct netlink *nl, const struct nft_element_list *elements,
		     const char *host_ifname, struct nft_element_list *found,
		     struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list questions = {};
	struct search search = {host_ifname, found};
	int ret;

	for (size_t i = 0; i < elements->n; i++) {
		struct nft_element question = elements->items[i];

		if (portmap_kind_of(&question) == PORTMAP_ONLINK)
			question.key = portmap_key_onlink(&question);
		question.end.len = question.data.len = 0;
		question.comment[0] = '\0';
		if (nft_element_list_add(&questions, &question) < 0)
			return error_oom(err);
	}
	ret = nft_elements_find(nl, questions.items, questions.n, own_note, &search, err);
	if (found->n > 0)
		qsort(found->items, found->n, sizeof(*found->items), by_key);
	return ret;
}

int portmap_list_own(struct netlink *nl, const struct portmap_sets *sets,
		     const char *host_ifname, struct nft_element_list *found,
		     struct cni_error *err)
{
	struct search search = {host_ifname, found};
	int ret = 0;

	for (int f = 0; f < PORTMAP_FAMILIES; f++)
		for (int k = 0; ret == 0 && k < PORTMAP_KINDS; k++)
			ret = nft_set_elements(nl, &sets->sets[f][k], own_note, &search,
					       err);
	return ret;
}

bool portmap_have(const struct nft_element_list *found, const struct nft_element *element)
{
	const struct nft_element *own = found->n > 0
						? bsearch(element, found->items, found->n,
							  sizeof(*found->items), by_key)
						: NULL;

	return own && memcmp(&own->end, &element->end, sizeof(own->end)) == 0 &&
	       memcmp(&own->data, &element->data, sizeof(own->data)) == 0;
}

/* Adds the ports of an element; where they follow those of the last entry, that grows. */
static void port_note(struct conntrack_port *ports, size_t *n,
		      const struct nft_element *element)
{
	struct conntrack_port port = {
		.host.family = portmap_family_of(element) == PORTMAP_IPV4 ? AF_INET
									  : AF_INET6,
		.protocol = element->key.bytes[0],
		.port = portmap_port_of(&element->key),
		.last = portmap_last_of(element),
	};
	struct conntrack_port *before = *n > 0 ? &ports[*n - 1] : NULL;

	if (portmap_is_of_one(element))
		memcpy(port.host.bytes, element->key.bytes + PORTMAP_PART,
		       ip_size(port.host.family));
	if (before && ip_equal(&before->host, &port.host) &&
	    before->protocol == port.protocol && before->last + 1 == port.port)
		before->last = port.last;
	else
		ports[(*n)++] = port;
}

/* Clients of TCP take another port for their next attempt. */
static bool is_sent_by_one_port(uint8_t protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

void portmap_forget_former(struct attachment *att,
			   const struct nft_element_list *elements)
{
	_cleanup_(free_p) struct conntrack_port *ports = calloc(elements->n + 1,
								sizeof(*ports));
	size_t n = 0;

	for (size_t i = 0; ports && i < elements->n; i++)
		if (elements->items[i].set->family == NFPROTO_INET &&
		    portmap_kind_of(&elements->items[i]) != PORTMAP_ONLINK &&
		    is_sent_by_one_port(elements->items[i].key.bytes[0]))
			port_note(ports, &n, &elements->items[i]);
	if (n > 0)
		conntrack_delete_ports(att, ports, n);
}
