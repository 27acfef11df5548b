/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks a pod's elements up, and ends what conntrack remembers of its ports. */
#include "hostport_own.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "conntrack.h"

struct search {
	const char *host_ifname;
	struct nft_element_list *found;
};

static int own_note(const struct nft_element *found, void *data)
{
	const struct search *search = data;

	if (!hostport_is_of(found, search->host_ifname))
		return 0;
	return nft_element_list_add(search->found, found);
}

int hostports_find_own(struct netlink *nl, const struct nft_element_list *elements,
		       const char *host_ifname, struct nft_element_list *found,
		       struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list questions = {};
	struct search search = {host_ifname, found};

	for (size_t i = 0; i < elements->n; i++) {
		struct nft_element question = elements->items[i];

		if (hostport_kind_of(&question) == HOSTPORT_ONLINK)
			question.key = hostport_key_onlink(&question);
		question.end.len = question.data.len = 0;
		question.comment[0] = '\0';
		if (nft_element_list_add(&questions, &question) < 0)
			return error_oom(err);
	}
	return nft_elements_find(nl, questions.items, questions.n, own_note, &search,
				 err);
}

bool hostports_have(const struct nft_element_list *found,
		    const struct nft_element *element)
{
	for (size_t i = 0; i < found->n; i++) {
		const struct nft_element *own = &found->items[i];

		if (own->set == element->set &&
		    memcmp(&own->key, &element->key, sizeof(own->key)) == 0 &&
		    memcmp(&own->data, &element->data, sizeof(own->data)) == 0)
			return true;
	}
	return false;
}

void hostports_forget_udp(struct attachment *att, const struct nft_element_list *elements)
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
