/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pod's elements: as bytes for the kernel, as text where they are put back. */
#include "spoofcheck_elements.h"

#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"

static const struct {
	const char *name, *type;
} set_types[SPOOF_SETS] = {
	[SPOOF_MAC_PORTS] = {"mac_ports", "type ifname"},
	[SPOOF_IP_PORTS] = {"ip_ports", "type ifname"},
	[SPOOF_MACS] = {"macs", "type ifname . ether_addr"},
	[SPOOF_IPS4] = {"ips4", "type ifname . ipv4_addr"},
	[SPOOF_IPS6] = {"ips6", "type ifname . ipv6_addr"},
	[SPOOF_TARGETS6] = {"targets6", "typeof iifname . @th,64,128"},
};

void spoof_sets_name(uint64_t owner, struct spoof_sets *sets)
{
	for (int i = 0; i < SPOOF_SETS; i++) {
		snprintf(sets->names[i], SPOOF_SET_NAME_MAX, "%s_%016" PRIx64,
			 set_types[i].name, owner);
		sets->sets[i] = (struct nft_set){NFPROTO_BRIDGE, RULES_TABLE,
						 sets->names[i]};
	}
}

/* A pod by what it may send from. */
struct sender {
	const char *port;
	const struct mac_addr *mac;
	const struct ip_addr *addresses;
	size_t n;
};

static void element_add(struct nft_element_list *elements, const struct spoof_sets *sets,
			enum spoof_set set, const char *port, const void *address,
			size_t len)
{
	struct nft_element *element = &elements->items[elements->n++];
	char name[IF_NAMESIZE] = {};

	memcpy(name, port, strnlen(port, sizeof(name) - 1));
	element->set = &sets->sets[set];
	nft_value_add_part(&element->key, name, sizeof(name));
	if (len)
		nft_value_add_part(&element->key, address, len);
}

static void address_add(struct nft_element_list *elements, const struct spoof_sets *sets,
			const char *port, const struct ip_addr *ip)
{
	if (ip->family == AF_INET) {
		element_add(elements, sets, SPOOF_IPS4, port, ip->bytes, 4);
		return;
	}
	element_add(elements, sets, SPOOF_IPS6, port, ip->bytes, 16);
	element_add(elements, sets, SPOOF_TARGETS6, port, ip->bytes, 16);
}

static int pod_elements(const struct spoof_sets *sets, const struct sender *pod,
			bool addresses, struct nft_element_list *elements,
			struct cni_error *err)
{
	struct ip_addr local = ip_link_local_of(pod->mac);

	if (nft_element_list_grow(elements, 5 + 2 * pod->n) < 0)
		return error_oom(err);
	element_add(elements, sets, SPOOF_MACS, pod->port, pod->mac->bytes, MAC_LEN);
	for (size_t i = 0; addresses && i < pod->n; i++)
		address_add(elements, sets, pod->port, &pod->addresses[i]);
	if (addresses)
		address_add(elements, sets, pod->port, &local);
	element_add(elements, sets, SPOOF_MAC_PORTS, pod->port, NULL, 0);
	if (addresses)
		element_add(elements, sets, SPOOF_IP_PORTS, pod->port, NULL, 0);
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
	return pod_elements(sets, &pod, att->pod->spoof_check, elements, err);
}

/* @all: those of spoofCheck, too. */
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
	return pod_elements(sets, &pod, all, elements, err);
}

int spoof_elements_of_record(const struct record *record, const struct spoof_sets *sets,
			     struct nft_element_list *elements, struct cni_error *err)
{
	bool all = record_says(record->spoof_addresses, true);

	return record->spoof_check ? record_elements(record, all, sets, elements, err)
				   : 0;
}

/* An element in nft's words: what libnftables makes of them are the same bytes. */
static void element_text(const struct spoof_sets *sets, const struct nft_element *element,
			 struct text *text)
{
	const uint8_t *bytes = element->key.bytes, *address = bytes + IF_NAMESIZE;
	enum spoof_set set = element->set - sets->sets;
	struct ip_addr ip = {.family = set == SPOOF_IPS4 ? AF_INET : AF_INET6};
	struct mac_addr mac = {.set = true};

	text_add(text, "add element bridge " RULES_TABLE " %s { \"%.*s\"",
		 sets->names[set], IF_NAMESIZE, (const char *)bytes);
	if (set == SPOOF_MACS) {
		memcpy(mac.bytes, address, MAC_LEN);
		text_add(text, " . %s", MAC_TEXT(&mac));
	} else if (set == SPOOF_IPS4 || set == SPOOF_IPS6) {
		memcpy(ip.bytes, address, ip_size(ip.family));
		text_add(text, " . %s", IP_TEXT(&ip));
	} else if (set == SPOOF_TARGETS6) {
		text_add(text, " . 0x");
		for (int i = 0; i < 16; i++)
			text_add(text, "%02x", address[i]);
	}
	text_add(text, " }\n");
}

static void elements_text(const struct spoof_sets *sets,
			  const struct nft_element_list *elements, struct text *text)
{
	for (size_t i = 0; i < elements->n; i++)
		element_text(sets, &elements->items[i], text);
}

/* One of each set. */
static int sentinels_make(const struct spoof_sets *sets,
			  struct nft_element_list *elements, struct cni_error *err)
{
	const struct mac_addr mac = {};
	const struct ip_addr address = {.family = AF_INET};
	const struct sender nobody = {SPOOF_NOBODY, &mac, &address, 1};

	return pod_elements(sets, &nobody, true, elements, err);
}

struct filling {
	const struct attachment *att;
	const struct spoof_sets *sets;
	struct text *text;
};

static int record_fill(const struct record *record, void *data, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	const struct filling *filling = data;
	int ret;

	/* The attachment's own are added, and undone, by themselves. */
	if (!record->spoof_check ||
	    (strcmp(record->container_id, filling->att->pod->container_id) == 0 &&
	     strcmp(record->ifname, filling->att->pod->ifname) == 0))
		return 0;
	ret = record_elements(record,
			      record_says(record->spoof_addresses,
					  filling->att->pod->spoof_check),
			      filling->sets, &elements, err);
	elements_text(filling->sets, &elements, filling->text);
	return ret;
}

/* Where the sets are made anew the network's other pods belong into them, too. */
static int fill(struct attachment *att, struct text *text, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list sentinels = {};
	struct spoof_sets sets;
	struct filling filling = {att, &sets, text};
	int ret;

	spoof_sets_name(att->owner, &sets);
	ret = sentinels_make(&sets, &sentinels, err);
	elements_text(&sets, &sentinels, text);
	return ret < 0 ? ret
		       : ipam_record_each(&att->ipam_env, record_fill, &filling, err);
}

int spoof_sets_wanted(const struct network *conf, struct rule_list *list,
		      struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list sentinels = {};
	struct text text = {};
	struct spoof_sets sets;
	int ret;

	spoof_sets_name(conf->owner, &sets);
	ret = sentinels_make(&sets, &sentinels, err);
	for (int i = 0; i < SPOOF_SETS; i++)
		text_add(&text, "add set bridge " RULES_TABLE " %s { %s; }\n",
			 sets.names[i], set_types[i].type);
	list->sets = text.text;
	list->fill = fill;
	if (ret == 0 && text.failed)
		ret = error_oom(err);
	return ret < 0 ? ret
		       : rule_list_sentinels(list, sentinels.items, sentinels.n, err);
}
