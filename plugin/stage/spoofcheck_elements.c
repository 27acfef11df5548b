/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the sets, and a pod's elements in them. */
#include "spoofcheck_elements.h"

#include <linux/netfilter.h>
#include <sys/socket.h>

#include "ipam/ipam.h"

/* IPv6's link-local address of a MAC address of zeros. */
#define LOCAL_OF_ZEROS "\xfe\x80\0\0\0\0\0\0\2\0\0\xff\xfe"

const struct set_type spoof_set_types[SPOOF_SETS_EVER] = {
	[SPOOF_MAC_PORTS] = {NFPROTO_BRIDGE, "mac_ports", .key = {SET_IFNAME},
			     .sentinel = {SPOOF_NOBODY}},
	[SPOOF_IP_PORTS] = {NFPROTO_BRIDGE, "ip_ports", .key = {SET_IFNAME},
			    .sentinel = {SPOOF_NOBODY}},
	[SPOOF_MACS] = {NFPROTO_BRIDGE, "macs", .key = {SET_IFNAME, SET_MAC},
			.sentinel = {SPOOF_NOBODY}},
	[SPOOF_SRC4] = {NFPROTO_BRIDGE, "src4", .key = {SET_IFNAME, SET_MAC, SET_IPV4},
			.sentinel = {SPOOF_NOBODY}},
	[SPOOF_SRC6] = {NFPROTO_BRIDGE, "src6", .key = {SET_IFNAME, SET_MAC, SET_IPV6},
			.sentinel = {SPOOF_NOBODY, "", LOCAL_OF_ZEROS}},
	[SPOOF_TARGETS6] = {NFPROTO_BRIDGE, "targets6", .key = {SET_IFNAME, SET_TARGET6},
			    .sentinel = {SPOOF_NOBODY, LOCAL_OF_ZEROS}},
	[SPOOF_LLADDRS] = {NFPROTO_BRIDGE, "lladdrs", .key = {SET_IFNAME, SET_LLADDR},
			   .sentinel = {SPOOF_NOBODY, "\2"}},
	[SPOOF_IPS4] = {NFPROTO_BRIDGE, "ips4", .key = {SET_IFNAME, SET_IPV4},
			.sentinel = {SPOOF_NOBODY}},
	[SPOOF_IPS6] = {NFPROTO_BRIDGE, "ips6", .key = {SET_IFNAME, SET_IPV6},
			.sentinel = {SPOOF_NOBODY, LOCAL_OF_ZEROS}},
};

void spoof_sets_name(uint64_t owner, struct spoof_sets *sets)
{
	for (int i = 0; i < SPOOF_SETS_EVER; i++)
		set_name(&spoof_set_types[i], owner, &sets->sets[i]);
}

/* @set: one whose key is the port alone, or the port and one or two values. */
static struct nft_element *element_add(struct nft_element_list *elements,
				       const struct nft_set *set, const char *port,
				       const void *value, const void *second)
{
	struct nft_element *element = &elements->items[elements->n++];

	set_element(set, SET_VALUES(port, value, second), NULL, NULL, element);
	return element;
}

static void address_add(struct nft_element_list *elements, const struct nft_set *sets,
			const struct pod_facts *pod, const struct ip_addr *ip)
{
	const char *port = pod->host_ifname;
	const uint8_t *mac = pod->mac.bytes;

	if (ip->family == AF_INET) {
		element_add(elements, &sets[SPOOF_SRC4], port, mac, ip->bytes);
		return;
	}
	element_add(elements, &sets[SPOOF_SRC6], port, mac, ip->bytes);
	element_add(elements, &sets[SPOOF_TARGETS6], port, ip->bytes, NULL);
}

static void former_add(struct nft_element_list *elements, const struct nft_set *sets,
		       const struct pod_facts *pod, const struct ip_addr *ip)
{
	enum spoof_set set = ip->family == AF_INET ? SPOOF_IPS4 : SPOOF_IPS6;

	element_add(elements, &sets[set], pod->host_ifname, ip->bytes, NULL)->maybe =
		true;
}

int spoof_elements_make(const struct spoof_sets *spoof, const struct pod_facts *pod,
			bool unless_told, struct nft_element_list *elements,
			struct cni_error *err)
{
	bool addresses = record_says(pod->spoof_check, unless_told);
	struct ip_addr local = ip_link_local_of(&pod->mac);
	const struct nft_set *sets = spoof->sets;
	const char *port = pod->host_ifname;
	const uint8_t *mac = pod->mac.bytes;

	if (!pod->mac_spoof_check)
		return 0;
	if (nft_element_list_grow(elements, 6 + 2 * pod->n) < 0)
		return error_oom(err);
	element_add(elements, &sets[SPOOF_MACS], port, mac, NULL);
	for (size_t i = 0; addresses && i < pod->n; i++)
		address_add(elements, sets, pod, &pod_facts_address(pod, i)->addr);
	if (addresses) {
		address_add(elements, sets, pod, &local);
		element_add(elements, &sets[SPOOF_LLADDRS], port, mac, NULL);
	}
	element_add(elements, &sets[SPOOF_MAC_PORTS], port, NULL, NULL);
	if (addresses)
		element_add(elements, &sets[SPOOF_IP_PORTS], port, NULL, NULL);
	return 0;
}

int spoof_elements_former(const struct spoof_sets *spoof, const struct pod_facts *pod,
			  struct nft_element_list *elements, struct cni_error *err)
{
	struct ip_addr local = ip_link_local_of(&pod->mac);

	if (!pod->mac_spoof_check)
		return 0;
	if (nft_element_list_grow(elements, 1 + pod->n) < 0)
		return error_oom(err);
	for (size_t i = 0; i < pod->n; i++)
		former_add(elements, spoof->sets, pod, &pod_facts_address(pod, i)->addr);
	former_add(elements, spoof->sets, pod, &local);
	return 0;
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
	struct pod_facts pod;

	/* The elements of the attachment that is being added come, and are undone, by
	 * themselves. */
	if (record_is_of(record, filling->att->network->name,
			 filling->att->pod->container_id, filling->att->pod->ifname))
		return 0;
	pod_facts_of_record(record, &pod);
	return spoof_elements_make(filling->sets, &pod, filling->att->pod->spoof_check,
				   &filling->elements, err);
}

/* Declares the sets, and puts the elements of the network's other pods into them. */
static int fill(struct attachment *att, struct text *text, struct cni_error *err)
{
	struct spoof_sets sets;
	_cleanup_(filling_clear) struct filling filling = {.att = att, .sets = &sets};
	int ret;

	spoof_sets_name(att->owner, &sets);
	for (size_t i = 0; i < SPOOF_SETS; i++)
		set_declare(&sets.sets[i], att->network->name, text);
	ret = ipam_record_each(&att->ipam_env, record_fill, &filling, err);
	sets_fill(sets.sets, SPOOF_SETS, false, &filling.elements, text);
	return ret;
}

int spoof_sets_wanted(const struct spoof_sets *sets, struct rule_list *list,
		      struct cni_error *err)
{
	list->fill = fill;
	return rule_list_watch(list, sets->sets, SPOOF_SETS, err);
}
