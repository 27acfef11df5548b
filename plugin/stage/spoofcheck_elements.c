/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the sets, and a pod's elements in them. */
#include "spoofcheck_elements.h"

#include <linux/netfilter.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"

/* IPv6's link-local address of a MAC address of zeros. */
#define LOCAL_OF_ZEROS "\xfe\x80\0\0\0\0\0\0\2\0\0\xff\xfe"

const struct set_type spoof_set_types[SPOOF_SETS] = {
	[SPOOF_MAC_PORTS] = {NFPROTO_BRIDGE, "mac_ports", .key = {SET_IFNAME},
			     .sentinel = {SPOOF_NOBODY}},
	[SPOOF_IP_PORTS] = {NFPROTO_BRIDGE, "ip_ports", .key = {SET_IFNAME},
			    .sentinel = {SPOOF_NOBODY}},
	[SPOOF_MACS] = {NFPROTO_BRIDGE, "macs", .key = {SET_IFNAME, SET_MAC},
			.sentinel = {SPOOF_NOBODY}},
	[SPOOF_IPS4] = {NFPROTO_BRIDGE, "ips4", .key = {SET_IFNAME, SET_IPV4},
			.sentinel = {SPOOF_NOBODY}},
	[SPOOF_IPS6] = {NFPROTO_BRIDGE, "ips6", .key = {SET_IFNAME, SET_IPV6},
			.sentinel = {SPOOF_NOBODY, LOCAL_OF_ZEROS}},
	[SPOOF_TARGETS6] = {NFPROTO_BRIDGE, "targets6", .key = {SET_IFNAME, SET_TARGET6},
			    .sentinel = {SPOOF_NOBODY, LOCAL_OF_ZEROS}},
};

void spoof_sets_name(uint64_t owner, struct spoof_sets *sets)
{
	for (int i = 0; i < SPOOF_SETS; i++)
		set_name(&spoof_set_types[i], owner, &sets->sets[i]);
}

/* A pod and the addresses that it may send from. */
struct sender {
	const char *port;
	const struct mac_addr *mac;
	const struct ip_addr *addresses;
	size_t n;
};

static void element_add(struct nft_element_list *elements, const struct nft_set *set,
			const char *port, const void *address)
{
	set_element(set, SET_VALUES(port, address), NULL, NULL,
		    &elements->items[elements->n++]);
}

static void address_add(struct nft_element_list *elements, const struct nft_set *sets,
			const char *port, const struct ip_addr *ip)
{
	if (ip->family == AF_INET) {
		element_add(elements, &sets[SPOOF_IPS4], port, ip->bytes);
		return;
	}
	element_add(elements, &sets[SPOOF_IPS6], port, ip->bytes);
	element_add(elements, &sets[SPOOF_TARGETS6], port, ip->bytes);
}

static int pod_elements(const struct nft_set *sets, const struct sender *pod,
			bool addresses, struct nft_element_list *elements,
			struct cni_error *err)
{
	struct ip_addr local = ip_link_local_of(pod->mac);

	if (nft_element_list_grow(elements, 5 + 2 * pod->n) < 0)
		return error_oom(err);
	element_add(elements, &sets[SPOOF_MACS], pod->port, pod->mac->bytes);
	for (size_t i = 0; addresses && i < pod->n; i++)
		address_add(elements, sets, pod->port, &pod->addresses[i]);
	if (addresses)
		address_add(elements, sets, pod->port, &local);
	element_add(elements, &sets[SPOOF_MAC_PORTS], pod->port, NULL);
	if (addresses)
		element_add(elements, &sets[SPOOF_IP_PORTS], pod->port, NULL);
	return 0;
}

int spoof_elements_make(const struct attachment *att, const struct spoof_sets *sets,
			struct nft_element_list *elements, struct cni_error *err)
{
	_cleanup_(free_p) struct ip_addr *addresses = NULL;
	size_t n = att->ipam.ips.n;
	struct sender pod = {att->pod->host_ifname, &att->container_mac, NULL, n};

	if (!att->pod->mac_spoof_check)
		return 0;
	addresses = calloc(n + 1, sizeof(*addresses));
	if (!addresses)
		return error_oom(err);
	for (size_t i = 0; i < n; i++)
		addresses[i] = att->ipam.ips.items[i].address.addr;
	pod.addresses = addresses;
	return pod_elements(sets->sets, &pod, att->pod->spoof_check, elements, err);
}

/* @all: with those of spoofCheck, not of macspoofchk alone. */
static int record_elements(const struct record *record, bool all,
			   const struct spoof_sets *sets,
			   struct nft_element_list *elements, struct cni_error *err)
{
	_cleanup_(free_p) struct ip_addr *addresses = NULL;
	char port[IF_NAMESIZE];
	struct sender pod = {port, &record->mac, NULL, record->n};

	identity_host_ifname(record->network, record->container_id, record->ifname, port);
	addresses = calloc(record->n + 1, sizeof(*addresses));
	if (!addresses)
		return error_oom(err);
	for (size_t i = 0; i < record->n; i++)
		addresses[i] = record->addresses[i].address.addr;
	pod.addresses = addresses;
	return pod_elements(sets->sets, &pod, all, elements, err);
}

int spoof_elements_of_record(const struct record *record, const struct spoof_sets *sets,
			     struct nft_element_list *elements, struct cni_error *err)
{
	bool all = record_says(record->spoof_addresses, true);

	return record->spoof_check ? record_elements(record, all, sets, elements, err)
				   : 0;
}

struct filling {
	const struct attachment *att;
	const struct spoof_sets *sets;
	struct nft_element_list elements;
};

static void filling_clear(struct filling *filling)
{
	nft_element_list_clear(&filling->elements);
}

static int record_fill(const struct record *record, void *data, struct cni_error *err)
{
	struct filling *filling = data;

	/* The elements of the attachment that is being added come, and are undone, by
	 * themselves. */
	if (!record->spoof_check ||
	    (strcmp(record->container_id, filling->att->pod->container_id) == 0 &&
	     strcmp(record->ifname, filling->att->pod->ifname) == 0))
		return 0;
	return record_elements(record,
			       record_says(record->spoof_addresses,
					   filling->att->pod->spoof_check),
			       filling->sets, &filling->elements, err);
}

/* Puts the elements of the network's other pods into sets that are made anew. */
static int fill(struct attachment *att, struct text *text, struct cni_error *err)
{
	struct spoof_sets sets;
	_cleanup_(filling_clear) struct filling filling = {.att = att, .sets = &sets};
	int ret;

	spoof_sets_name(att->owner, &sets);
	ret = ipam_record_each(&att->ipam_env, record_fill, &filling, err);
	sets_fill(sets.sets, SPOOF_SETS, false, &filling.elements, text);
	return ret;
}

int spoof_sets_wanted(const struct network *network, struct rule_list *list,
		      struct cni_error *err)
{
	struct spoof_sets sets;

	spoof_sets_name(network->owner, &sets);
	rule_list_declare(list, sets.sets, SPOOF_SETS, network);
	list->fill = fill;
	return rule_list_watch(list, sets.sets, SPOOF_SETS, err);
}
