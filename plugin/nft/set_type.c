/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spells the parts of keys, and names, declares, fills and compares sets made of such
 * parts. */
#include "set_type.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/addr.h"
#include "rules_owner.h"
#include "plugin/netlink/nf_tables_lookup.h"
#include "plugin/netlink/nf_tables_transaction.h"

static void ifname_print(const uint8_t *bytes, struct text *text)
{
	text_add(text, "\"%.*s\"", IF_NAMESIZE, (const char *)bytes);
}

static void mac_print(const uint8_t *bytes, struct text *text)
{
	struct mac_addr mac = {.set = true};

	memcpy(mac.bytes, bytes, MAC_LEN);
	text_add(text, "%s", MAC_TEXT(&mac));
}

static void ip_print(int family, const uint8_t *bytes, struct text *text)
{
	struct ip_addr ip = {.family = family};

	memcpy(ip.bytes, bytes, ip_size(family));
	text_add(text, "%s", IP_TEXT(&ip));
}

static void ipv4_print(const uint8_t *bytes, struct text *text)
{
	ip_print(AF_INET, bytes, text);
}

static void ipv6_print(const uint8_t *bytes, struct text *text)
{
	ip_print(AF_INET6, bytes, text);
}

static void protocol_print(const uint8_t *bytes, struct text *text)
{
	text_add(text, "%u", bytes[0]);
}

static void port_print(const uint8_t *bytes, struct text *text)
{
	text_add(text, "%u", bytes[0] << 8 | bytes[1]);
}

static void raw_print(const uint8_t *bytes, size_t size, struct text *text)
{
	text_add(text, "0x");
	for (size_t i = 0; i < size; i++)
		text_add(text, "%02x", bytes[i]);
}

static void target6_print(const uint8_t *bytes, struct text *text)
{
	raw_print(bytes, 16, text);
}

static void lladdr_print(const uint8_t *bytes, struct text *text)
{
	raw_print(bytes, MAC_LEN, text);
}

static const struct {
	const char *type; /* nft's word for it; NULL: it has none, and ... */
	const char *expression; /* ... a set that has it is declared by expressions */
	size_t size; /* bytes */
	void (*print)(const uint8_t *bytes, struct text *text);
} parts[] = {
	[SET_IFNAME] = {"ifname", "iifname", IF_NAMESIZE, ifname_print},
	[SET_MAC] = {"ether_addr", "ether saddr", MAC_LEN, mac_print},
	[SET_IPV4] = {"ipv4_addr", "ip saddr", 4, ipv4_print},
	[SET_IPV6] = {"ipv6_addr", "ip6 saddr", 16, ipv6_print},
	[SET_PROTOCOL] = {"inet_proto", "meta l4proto", 1, protocol_print},
	[SET_PORT] = {"inet_service", "th dport", 2, port_print},
	[SET_TARGET6] = {NULL, "@th,64,128", 16, target6_print},
	[SET_LLADDR] = {NULL, "@th,208,48", MAC_LEN, lladdr_print},
};

static const char *table_family(const struct nft_set *set)
{
	return set->family == NFPROTO_BRIDGE ? "bridge" : "inet";
}

static const char *kind_of(const struct nft_set *set)
{
	return set->type->data[0] == SET_NOTHING ? "set" : "map";
}

bool set_ifname_is_plain(const char *ifname)
{
	return !ifname[strspn(ifname, "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")];
}

void set_name(const struct set_type *type, uint64_t owner, struct nft_set *ret_set)
{
	*ret_set = (struct nft_set){
		.family = type->family, .table = RULES_TABLE, .type = type};
	rules_owner_name(type->prefix, owner, ret_set->name, sizeof(ret_set->name));
}

bool set_read(const struct set_type *types, size_t n, const char *name,
	      struct nft_set *ret_set)
{
	uint64_t owner;
	size_t len;

	if (!rules_name_owner(name, &owner))
		return false;
	len = strrchr(name, '_') - name;
	for (size_t i = 0; i < n; i++) {
		if (strlen(types[i].prefix) != len ||
		    memcmp(types[i].prefix, name, len) != 0)
			continue;
		set_name(&types[i], owner, ret_set);
		return true;
	}
	return false;
}

static bool has_raw_part(const enum set_part *part)
{
	while (*part != SET_NOTHING && parts[*part].type)
		part++;
	return *part != SET_NOTHING;
}

static void parts_declare(const enum set_part *part, bool raw, struct text *text)
{
	for (const char *separator = ""; *part != SET_NOTHING; part++) {
		text_add(text, "%s%s", separator,
			 raw ? parts[*part].expression : parts[*part].type);
		separator = " . ";
	}
}

void set_declare(const struct nft_set *set, const char *network, struct text *text)
{
	const struct set_type *type = set->type;
	bool raw = has_raw_part(type->key);

	text_add(text, "add %s %s " RULES_TABLE " %s { %s ", kind_of(set),
		 table_family(set), set->name, raw ? "typeof" : "type");
	parts_declare(type->key, raw, text);
	if (type->data[0] != SET_NOTHING) {
		text_add(text, " : ");
		parts_declare(type->data, raw, text);
	}
	if (type->interval)
		text_add(text, "; flags interval");
	if (type->content)
		text_add(text, "; comment \"%s of %.*s\"", type->content, SET_COMMENT_MAX,
			 network);
	text_add(text, "; }\n");
}

static void value_make(const enum set_part *part, const void *const *values,
		       struct nft_value *value)
{
	for (size_t i = 0; i < SET_PARTS_MAX && part[i] != SET_NOTHING; i++) {
		char name[IF_NAMESIZE] = {};

		if (part[i] == SET_IFNAME)
			memcpy(name, values[i], strnlen(values[i], sizeof(name) - 1));
		nft_value_add_part(value, part[i] == SET_IFNAME ? name : values[i],
				   parts[part[i]].size);
	}
}

void set_element(const struct nft_set *set, const void *const *key,
		 const void *const *end, const void *const *data,
		 struct nft_element *ret_element)
{
	struct nft_element element = {.set = set};

	value_make(set->type->key, key, &element.key);
	if (end)
		value_make(set->type->key, end, &element.end);
	if (data)
		value_make(set->type->data, data, &element.data);
	*ret_element = element;
}

void set_element_pod(const struct nft_element *element, char ret_ifname[IF_NAMESIZE])
{
	const struct set_type *type = element->set->type;
	const char *text = element->comment;
	size_t len = strcspn(text, " ");

	if (type->key[0] == SET_IFNAME) {
		text = (const char *)element->key.bytes;
		len = strnlen(text, IF_NAMESIZE - 1);
		if (memcmp(text, type->sentinel[0], IF_NAMESIZE) == 0)
			len = 0;
	}
	memset(ret_ifname, 0, IF_NAMESIZE);
	if (len < IF_NAMESIZE)
		memcpy(ret_ifname, text, len);
}

void set_sentinel(const struct nft_set *set, struct nft_element *ret_element)
{
	static const uint8_t zeros[SET_VALUE_MAX];
	const void *key[SET_PARTS_MAX], *data[SET_PARTS_MAX];
	const struct set_type *type = set->type;

	for (size_t i = 0; i < SET_PARTS_MAX; i++) {
		key[i] = type->sentinel[i];
		data[i] = zeros;
	}
	set_element(set, key, type->interval ? key : NULL, data, ret_element);
}

static size_t padded(enum set_part part)
{
	return (parts[part].size + NFT_PART_SIZE - 1) / NFT_PART_SIZE * NFT_PART_SIZE;
}

/* @end: of an interval; where both ends of a part are the same it is a single value. */
static void value_print(const enum set_part *part, const uint8_t *bytes,
			const uint8_t *end, struct text *text)
{
	size_t at = 0;

	for (; *part != SET_NOTHING; at += padded(*part), part++) {
		text_add(text, "%s", at > 0 ? " . " : "");
		parts[*part].print(bytes + at, text);
		if (memcmp(bytes + at, end + at, parts[*part].size) != 0) {
			text_add(text, "-");
			parts[*part].print(end + at, text);
		}
	}
}

void set_element_describe(const struct nft_element *element, struct text *text)
{
	const struct nft_set *set = element->set;
	const uint8_t *key = element->key.bytes, *data = element->data.bytes;

	text_add(text, "%s " RULES_TABLE " %s { ", table_family(set), set->name);
	value_print(set->type->key, key, element->end.len ? element->end.bytes : key,
		    text);
	if (element->comment[0])
		text_add(text, " comment \"%s\"", element->comment);
	if (element->data.len) {
		text_add(text, " : ");
		value_print(set->type->data, data, data, text);
	}
	text_add(text, " }");
}

void set_element_print(const struct nft_element *element, struct text *text)
{
	text_add(text, "add element ");
	set_element_describe(element, text);
	text_add(text, "\n");
}

void sets_fill(const struct nft_set *sets, size_t n, bool emptied,
	       const struct nft_element_list *elements, struct text *text)
{
	for (size_t i = 0; emptied && i < n; i++)
		text_add(text, "flush %s %s " RULES_TABLE " %s\n", kind_of(&sets[i]),
			 table_family(&sets[i]), sets[i].name);
	for (size_t i = 0; i < n; i++) {
		struct nft_element sentinel;

		set_sentinel(&sets[i], &sentinel);
		set_element_print(&sentinel, text);
	}
	for (size_t i = 0; i < elements->n; i++)
		set_element_print(&elements->items[i], text);
}

int set_is_emptied(struct netlink *nl, const struct nft_set *set, bool *ret_emptied,
		   struct cni_error *err)
{
	struct nft_element sentinel, found;
	int ret;

	set_sentinel(set, &sentinel);
	ret = nft_element_get(nl, set, &sentinel.key, &found, err);
	if (ret < 0)
		return ret;
	*ret_emptied = ret == NFT_NO_ELEMENT;
	return 0;
}

static int element_compare(struct netlink *nl, const struct nft_element *wanted,
			   struct cni_error *err)
{
	struct nft_element found;
	int ret = nft_element_get(nl, wanted->set, &wanted->key, &found, err);

	if (ret < 0)
		return ret;
	if (ret == NFT_NO_ELEMENT)
		return SET_ELEMENT_MISSING;
	return memcmp(&found.end, &wanted->end, sizeof(found.end)) == 0 &&
			       memcmp(&found.data, &wanted->data, sizeof(found.data)) == 0
		       ? SET_ELEMENT_THERE
		       : SET_ELEMENT_DIFFERS;
}

int set_elements_compare(struct attachment *att, const struct nft_element_list *wanted,
			 const struct nft_element **ret_first, struct cni_error *err)
{
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	for (size_t i = 0; ret == SET_ELEMENT_THERE && i < wanted->n; i++) {
		ret = element_compare(nl, &wanted->items[i], err);
		if (ret > 0)
			*ret_first = &wanted->items[i];
	}
	return ret;
}

int set_elements_restore(struct attachment *att, const struct nft_element_list *wanted,
			 struct cni_error *err)
{
	const struct nft_element *first;
	int outcome = set_elements_compare(att, wanted, &first, err), ret;
	struct netlink *nl;

	if (outcome < 0 || outcome == SET_ELEMENT_THERE)
		return outcome;
	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0)
		ret = nft_elements_add(nl, wanted->items, wanted->n, err);
	return ret < 0 ? ret : outcome;
}
