/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets and maps of host ports that somebody flushed or deleted, from the records: as text, in
 * the transaction that brings the rules back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "portmap_siblings.h"
#include "portmap_elements.h"
#include "plugin/node/node.h"

static const struct {
	const char *what, *type;
} types[PORTMAP_FAMILIES][PORTMAP_KINDS] = {
	{
		{"map", "type inet_proto . inet_service : ipv4_addr . inet_service"},
		{"map",
		 "type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service"},
		{"map",
		 "type inet_proto . ipv4_addr . inet_service : ipv4_addr; flags interval"},
		{"set", "type ipv4_addr . ipv4_addr; flags interval"},
	},
	{
		{"map", "type inet_proto . inet_service : ipv6_addr . inet_service"},
		{"map",
		 "type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service"},
		{"map",
		 "type inet_proto . ipv6_addr . inet_service : ipv6_addr; flags interval"},
		{"set", "type ipv6_addr . ipv6_addr; flags interval"},
	},
};

static void maps_text(const struct portmap_sets *sets, struct text *text)
{
	for (int f = 0; f < PORTMAP_FAMILIES; f++)
		for (int k = 0; k < PORTMAP_KINDS; k++)
			text_add(text, "add %s inet " RULES_TABLE " %s { %s; }\n",
				 types[f][k].what, sets->names[f][k], types[f][k].type);
}

/* A range of addresses; a single one where both ends are the same. */
static void addresses_text(const uint8_t *from, const uint8_t *to, int f, size_t size,
			   struct text *text)
{
	text_add(text, "%s", PORTMAP_ADDRESS_TEXT(from, f));
	if (memcmp(from, to, size) != 0)
		text_add(text, "-%s", PORTMAP_ADDRESS_TEXT(to, f));
}

static void key_text(const struct nft_element *element, struct text *text)
{
	enum portmap_kind kind = portmap_kind_of(element);
	int f = portmap_family_of(element);
	const uint8_t *key = element->key.bytes;
	const uint8_t *end = element->end.len ? element->end.bytes : key;
	size_t size = ip_size(f == PORTMAP_IPV4 ? AF_INET : AF_INET6);
	unsigned int port = portmap_port_of(&element->key);

	if (kind == PORTMAP_ONLINK) {
		text_add(text, "%s . ", PORTMAP_ADDRESS_TEXT(key, f));
		addresses_text(key + size, end + size, f, size, text);
		return;
	}
	text_add(text, "%u . ", key[0]);
	if (kind != PORTMAP_ANY) {
		addresses_text(key + PORTMAP_PART, end + PORTMAP_PART, f, size, text);
		text_add(text, " . ");
	}
	text_add(text, "%u", port);
	if (portmap_last_of(element) != port)
		text_add(text, "-%u", portmap_last_of(element));
}

/* An element in nft's words: what libnftables makes of them are the same bytes. */
static void element_text(const struct nft_element *element, struct text *text)
{
	enum portmap_kind kind = portmap_kind_of(element);

	text_add(text, "add element inet " RULES_TABLE " %s { ", element->set->name);
	key_text(element, text);
	if (element->comment[0])
		text_add(text, " comment \"%s\"", element->comment);
	if (kind != PORTMAP_ONLINK)
		text_add(text, " : %s",
			 PORTMAP_ADDRESS_TEXT(element->data.bytes,
					      portmap_family_of(element)));
	if (kind == PORTMAP_ANY || kind == PORTMAP_ONE)
		text_add(text, " . %u", portmap_port_of(&element->data));
	text_add(text, " }\n");
}

/* What is to be in an owner's sets. */
struct filling {
	struct attachment *att;
	const char *except; /* name of the host's end of who is left out; "": nobody */
	const struct portmap_sets *sets;
	struct nft_element_list elements;
};

static void filling_clear(struct filling *filling)
{
	nft_element_list_clear(&filling->elements);
}

/* Takes out of @elements what another attachment of the container has that came before. */
static int shared_leave(struct attachment *att, const struct record *record,
			struct nft_element_list *elements, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list before = {};
	_cleanup_(siblings_clear) struct siblings siblings = {};
	int ret = siblings_read(att, record->container_id, NULL, &siblings, err);

	if (ret == 0)
		ret = siblings_before(&siblings, record, &before, err);
	return ret < 0 ? ret : portmap_elements_except(elements, &before, err);
}

static int record_fill(const struct record *record, void *data, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct filling *filling = data;
	const struct ipam_kernel *kernel = &filling->att->op->kernel.ipam;
	struct portmap_pod pod;
	int ret;

	/* No DEL would take away again what a pod without interface got back; the attachment's
	 * own are added, and undone, by themselves. */
	if (record->ports.n == 0 || !kernel || !kernel->has_interface ||
	    !kernel->has_interface(kernel, record))
		return 0;
	portmap_pod_of_record(record, &pod);
	if (strcmp(pod.host_ifname, filling->except) == 0)
		return 0;
	ret = portmap_elements_make(filling->sets, &pod, &elements, err);
	if (ret == 0 && record->port_turn > 1)
		ret = shared_leave(filling->att, record, &elements, err);
	/* A port that two have is the newer one's, who comes first; `repair` names them. */
	if (ret == 0)
		ret = portmap_elements_except(&elements, &filling->elements, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i++)
		if (nft_element_list_add(&filling->elements, &elements.items[i]) < 0)
			ret = error_oom(err);
	return ret;
}

/* What is in a set that is still there may be in the way: all are made anew. */
static void filling_text(const struct filling *filling, struct text *text)
{
	struct nft_element sentinels[PORTMAP_SENTINELS] = {};

	portmap_sentinels_make(filling->sets, sentinels);
	for (int f = 0; f < PORTMAP_FAMILIES; f++)
		for (int k = 0; k < PORTMAP_KINDS; k++)
			text_add(text, "flush %s inet " RULES_TABLE " %s\n",
				 types[f][k].what, filling->sets->names[f][k]);
	for (size_t i = 0; i < PORTMAP_SENTINELS; i++)
		element_text(&sentinels[i], text);
	for (size_t i = 0; i < filling->elements.n; i++)
		element_text(&filling->elements.items[i], text);
}

/* Did somebody flush or delete one of a network's sets? */
static int is_emptied(struct attachment *att, const struct portmap_sets *sets,
		      bool *ret_emptied, struct cni_error *err)
{
	struct nft_element sentinels[PORTMAP_SENTINELS] = {}, found;
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	portmap_sentinels_make(sets, sentinels);
	for (size_t i = 0; ret == 0 && i < PORTMAP_SENTINELS; i++)
		ret = nft_element_get(nl, sentinels[i].set, &sentinels[i].key, &found,
				      err);
	*ret_emptied = ret == NFT_NO_ELEMENT;
	return ret == NFT_NO_ELEMENT ? 0 : ret;
}

struct others {
	struct attachment *att;
	struct text *text;
};

/* The elements of those of @records that are on @bridge. */
static int other_fill(struct attachment *att, const char *bridge, uint64_t owner,
		      const struct ipam_record_list *records, struct text *text,
		      struct cni_error *err)
{
	_cleanup_(filling_clear) struct filling filling = {.att = att, .except = ""};
	struct portmap_sets sets;
	bool emptied = false;
	int ret;

	filling.sets = &sets;
	portmap_sets_name(owner, &sets);
	ret = is_emptied(att, &sets, &emptied, err);
	for (size_t i = 0; ret == 0 && emptied && i < records->n; i++)
		if (record_is_on(&records->items[i], bridge))
			ret = record_fill(&records->items[i], &filling, err);
	if (ret < 0 || filling.elements.n == 0)
		return ret;
	maps_text(&sets, text);
	filling_text(&filling, text);
	return 0;
}

/* Ports of pods of other owners, by other networks and other bridges: who asks for one of
 * them must find it taken. Their rules come back with that owner's next ADD. */
static int others_fill(const struct others *others, const char *network,
		       struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list records = {};
	struct attachment *att = others->att;
	struct ipam_env other = att->ipam_env;
	int ret;

	other.network = network;
	other.bridge = "";
	ret = ipam_connected(&other, &records, err);
	for (size_t i = 0; ret == 0 && i < records.n; i++) {
		const char *bridge = records.items[i].bridge;
		uint64_t owner = identity_owner(network, bridge, other.data_dir);
		size_t first = 0;

		while (strcmp(records.items[first].bridge, bridge) != 0)
			first++;
		if (first == i && owner != att->owner)
			ret = other_fill(att, bridge, owner, &records, others->text, err);
	}
	return ret;
}

/* A fault of another network's store doesn't hold this one up. */
static int network_fill(const char *network, void *data, struct cni_error *err)
{
	const struct others *others = data;
	struct cni_error own = {};

	(void)err;
	if (others_fill(others, network, &own) < 0)
		notice(&others->att->op->notices, "host ports of network %s: %s", network,
		       own.msg);
	return 0;
}

static int fill(struct attachment *att, struct text *text, struct cni_error *err)
{
	_cleanup_(filling_clear) struct filling filling = {
		.att = att, .except = att->pod->host_ifname};
	struct others others = {att, text};
	struct portmap_sets sets;
	int ret;

	portmap_sets_name(att->owner, &sets);
	filling.sets = &sets;
	ret = ipam_record_each(&att->ipam_env, record_fill, &filling, err);
	if (ret < 0)
		return ret;
	filling_text(&filling, text);
	return ipam_networks(&att->ipam_env, network_fill, &others, err);
}

int portmap_sets_wanted(const struct network *conf, struct rule_list *list,
			struct cni_error *err)
{
	struct nft_element sentinels[PORTMAP_SENTINELS] = {};
	struct text text = {};
	struct portmap_sets sets;

	portmap_sets_name(conf->owner, &sets);
	portmap_sentinels_make(&sets, sentinels);
	maps_text(&sets, &text);
	list->sets = text.text;
	list->fill = fill;
	return text.failed
		       ? error_oom(err)
		       : rule_list_sentinels(list, sentinels, ARRAY_SIZE(sentinels), err);
}
