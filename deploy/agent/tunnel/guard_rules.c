/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VXLAN packet is judged twice. As a packet of the underlay it still says who sent it:
 * chain outer, at the input hook, looks through the headers to the inner source. That
 * hook is the last one before the socket, so that nobody changes the destination behind
 * it: it sees all packets that VXLAN is given, and none that this node only routes.
 * Packets are whole there: chain sent uses conntrack, and so the kernel reassembles IPv6,
 * too, before the rules. The inner packet, then, is seen where it comes in by the
 * tunnel's device. Chain tunnelled is for all tunnels; for it, extension headers of IPv6
 * hide nothing. The inner destination could be read on the underlay's packet as well, but
 * of several datagrams that come as one (UDP_SEGMENT, on one host) only the first can be
 * looked into there, and the others would reach the node itself.
 *
 * Chain sent guards the other nodes from pods of this one, whose packets to nodes leave
 * with this node's address. It goes by the port alone: of several datagrams that a pod
 * sends as one (UDP_SEGMENT), only the first could be looked into.
 */
#include "guard_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/text.h"
#include "conf/identity.h"
#include "device_names.h"
#include "guard_packet.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/nft/nft.h"

#define TABLE	     "inet " GUARD_TABLE
#define DROP(reason) "counter name tunnel_" reason " drop"

/* A rule's number, a hash of all rules, and one of the sets' declarations. */
#define COMMENT	    "v2 %zu %016" PRIx64 " %016" PRIx64
#define COMMENT_MAX 64
#define RULES_MAX   (4 * GUARD_KINDS * GUARD_LENGTHS)

const char *const guard_reason_names[GUARD_REASONS] = {
	[GUARD_DESTINATION] = "destination", [GUARD_FRAME] = "frame",
	[GUARD_NEIGHBOUR] = "neighbour",     [GUARD_POD] = "pod",
	[GUARD_SOURCE] = "source",
};

/* No chain, nor a variable below, may have a word of nft's language for its name: newer
 * versions have more of them, such as "vxlan". */
#define NO_HOOK ""
/* The priority is that before the reassembly of fragments and before conntrack. */
#define AT(hook) " { type filter hook " hook " priority -450; policy accept; }"
static const struct {
	const char *name, *hook;
} chains[] = {
	{"outer", NO_HOOK},
	{"tunnelled", NO_HOOK},
	{"forged", NO_HOOK},
	{"underlay", AT("input")},
	{"inner", AT("prerouting")},
	/* Behind the translation of sources. */
	{"sent", " { type filter hook postrouting priority 300; policy accept; }"},
};

/* Takes a rule: those of a chain come in their order. */
typedef void (*rule_fn)(const char *chain, const char *rule, void *data);

/* A mask of @len bits, as text: of an address, or as a number. "": it has all bits. */
#define MASK_MAX (IP_TEXT_MAX + 4)
static const char *mask_make(int family, unsigned int len, bool number,
			     char ret_text[MASK_MAX])
{
	const struct ip_prefix ones = {.addr = {.family = family}, .len = len};
	struct ip_addr last = prefix_last(&ones), mask = {.family = family};
	size_t used = 0;

	ret_text[0] = '\0';
	if (len >= ip_bits(family))
		return ret_text;
	for (unsigned int i = 0; i < ip_size(family); i++)
		mask.bytes[i] = (uint8_t)~last.bytes[i];
	used = (size_t)snprintf(ret_text, MASK_MAX, " & %s",
				number ? "0x" : IP_TEXT(&mask));
	for (unsigned int i = 0; number && i < ip_size(family); i++)
		used += (size_t)snprintf(ret_text + used, MASK_MAX - used, "%02x",
					 mask.bytes[i]);
	return ret_text;
}

/* Adds to @chain, for each set of @kind, a rule that looks up @key, cut to that set's
 * length. @number: @key has no type. */
static void lookups(const struct guard_sets *sets, enum guard_kind kind,
		    const char *chain, const char *key, bool number, const char *verdict,
		    rule_fn fn, void *data)
{
	bool ip6 = kind == GUARD_SOURCES_46 || kind == GUARD_SOURCES_66 ||
		   kind == GUARD_OWN_6;

	for (unsigned int len = 0; len < GUARD_LENGTHS; len++) {
		char rule[256], mask[MASK_MAX], set[NFT_SET_NAME_MAX];

		if (!sets->has[kind][len])
			continue;
		guard_set_name(kind, len, set);
		snprintf(rule, sizeof(rule), "%s%s @%s %s", key,
			 mask_make(ip6 ? AF_INET6 : AF_INET, len, number, mask), set,
			 verdict);
		fn(chain, rule, data);
	}
}

/* A rule that can't read what it looks for, as the packet ends before, doesn't match: so
 * the last rule drops. */
static void outer_rules(const struct guard_sets *sets, rule_fn fn, void *data)
{
	static const char *const keys[GUARD_OWN_4] = {
		[GUARD_SOURCES_44] = INNER_TYPE " 0x0800 ip saddr . " INNER_SADDR4,
		[GUARD_SOURCES_46] = INNER_TYPE " 0x86dd ip saddr . " INNER_SADDR6,
		[GUARD_SOURCES_64] = INNER_TYPE " 0x0800 ip6 saddr . " INNER_SADDR4,
		[GUARD_SOURCES_66] = INNER_TYPE " 0x86dd ip6 saddr . " INNER_SADDR6,
	};

	/* Somebody else's device may share the port, with another VNI. */
	fn("outer", VXLAN_VNI " != $guard_vni accept", data);
	fn("outer", INNER_MAC " != $guard_mac " DROP("frame"), data);
	fn("outer", INNER_MAC_2 " != $guard_mac_2 " DROP("frame"), data);
	for (int kind = 0; kind < GUARD_OWN_4; kind++)
		lookups(sets, kind, "outer", keys[kind], true, "accept", fn, data);
	fn("outer", INNER_TYPE " { 0x0800, 0x86dd } " DROP("source"), data);
	fn("outer", DROP("frame"), data);
}

static void tunnelled_rules(const struct guard_sets *sets, rule_fn fn, void *data)
{
	/* Multicast listener discovery, neighbour discovery (also inverse and secure),
	 * multicast routers: nothing of that is meant for another link. */
	fn("tunnelled",
	   "icmpv6 type { 130-137, 141-143, 148-149, 151-153 } " DROP("neighbour"), data);
	fn("tunnelled", "icmp type redirect " DROP("neighbour"), data);
	lookups(sets, GUARD_OWN_4, "tunnelled", "ip daddr", false, "accept", fn, data);
	lookups(sets, GUARD_OWN_6, "tunnelled", "ip6 daddr", false, "accept", fn, data);
	fn("tunnelled", DROP("destination"), data);
}

/* A pod's packet to the port of VXLAN that leaves with this node's address: to another
 * node it would look like one that this node's device has sent. Those that the device
 * itself has sent are many, and are known by its name. */
static void sent_rules(const struct guard_sets *sets, rule_fn fn, void *data)
{
	fn("sent", "udp dport $guard_port iifname != \"" VXLAN_DEVICES "*\" goto forged",
	   data);
	lookups(sets, GUARD_OWN_4, "forged", "ip saddr", false, "accept", fn, data);
	lookups(sets, GUARD_OWN_6, "forged", "ip6 saddr", false, "accept", fn, data);
	lookups(sets, GUARD_OWN_4, "forged", "ct original ip saddr", false, DROP("pod"),
		fn, data);
	lookups(sets, GUARD_OWN_6, "forged", "ct original ip6 saddr", false, DROP("pod"),
		fn, data);
}

static void rules_each(const struct guard_spec *spec, rule_fn fn, void *data)
{
	struct guard_sets sets;

	guard_sets_find(spec, &sets);
	tunnelled_rules(&sets, fn, data);
	if (spec->vxlan) {
		outer_rules(&sets, fn, data);
		fn("underlay", "udp dport $guard_port goto outer", data);
		fn("inner", "iifname \"" VXLAN_DEVICES "*\" goto tunnelled", data);
		sent_rules(&sets, fn, data);
	}
	if (spec->wireguard)
		fn("inner", "iifname \"" WIREGUARD_DEVICES "*\" goto tunnelled", data);
}

static void variables_add(const struct guard_spec *spec, struct text *text)
{
	const uint8_t *mac = spec->mac.bytes;

	text_add(text, "define guard_port = %u\ndefine guard_vni = 0x%06" PRIx32 "00\n",
		 spec->port, spec->vni);
	text_add(
		text,
		"define guard_mac = 0x%02x%02x%02x%02x\ndefine guard_mac_2 = 0x%02x%02x\n",
		mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/* All rules as text, which is hashed. */
struct summary {
	struct text text;
	size_t n;
};

static void summary_add(const char *chain, const char *rule, void *data)
{
	struct summary *summary = data;

	text_add(&summary->text, "%s %s\n", chain, rule);
	summary->n++;
}

/* Each rule has these hashes in its comment, so that a short look tells whether the kernel
 * has the rules of this version and of this spec, and the sets of this version. */
struct hashes {
	uint64_t rules, sets;
	size_t n; /* how many rules there are */
};

/* Hashes a text, and frees it. -ENOMEM: it isn't whole. */
static int text_hash(struct text *text, uint64_t *ret_hash)
{
	int ret = text->failed ? -ENOMEM : 0;

	if (ret == 0)
		*ret_hash = hash_text(text->text);
	free(text->text);
	return ret;
}

static int hashes_make(const struct guard_spec *spec, struct hashes *ret_hashes)
{
	struct summary summary = {};
	struct hashes hashes = {};
	struct guard_sets all = {};
	struct text sets = {};
	int ret;

	variables_add(spec, &summary.text);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		text_add(&summary.text, "%s%s\n", chains[i].name, chains[i].hook);
	rules_each(spec, summary_add, &summary);
	for (int kind = 0; kind < GUARD_KINDS; kind++)
		all.has[kind][0] = true;
	guard_sets_declare(&all, &sets);
	ret = text_hash(&summary.text, &hashes.rules);
	if (text_hash(&sets, &hashes.sets) < 0)
		ret = -ENOMEM;
	hashes.n = summary.n;
	if (ret == 0)
		*ret_hashes = hashes;
	return ret;
}

static void chain_add(const char *name, const char *hook, struct text *text)
{
	text_add(text, "add chain " TABLE " %s%s\nflush chain " TABLE " %s\n", name, hook,
		 name);
}

/* A counter that is there already keeps what it has counted. */
static void chains_add(struct text *text)
{
	for (int i = 0; i < GUARD_REASONS; i++)
		text_add(text, "add counter " TABLE " tunnel_%s\n",
			 guard_reason_names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		chain_add(chains[i].name, chains[i].hook, text);
}

struct writing {
	struct text text;
	struct hashes hashes;
	size_t next; /* number of the next rule */
};

static void rule_write(const char *chain, const char *rule, void *data)
{
	struct writing *writing = data;

	text_add(&writing->text, "add rule " TABLE " %s %s comment \"" COMMENT "\"\n",
		 chain, rule, writing->next++, writing->hashes.rules,
		 writing->hashes.sets);
}

/* Adds the rules to @text, which has what comes before them, applies it, and frees it. */
static int rules_apply(const struct guard_spec *spec, struct text text,
		       struct cni_error *err)
{
	struct writing writing = {.text = text};
	int ret = hashes_make(spec, &writing.hashes);

	variables_add(spec, &writing.text);
	chains_add(&writing.text);
	rules_each(spec, rule_write, &writing);
	ret = ret < 0 || writing.text.failed ? error_oom(err)
					     : nft_apply(writing.text.text, -1, err);
	free(writing.text.text);
	return ret;
}

static struct text table_text(const struct guard_spec *spec, const char *commands)
{
	struct guard_sets sets;
	struct text text = {};

	guard_sets_find(spec, &sets);
	text_add(&text, "%s", commands);
	guard_sets_declare(&sets, &text);
	return text;
}

int guard_rules_make(const struct guard_spec *spec, struct cni_error *err)
{
	return rules_apply(
		spec, table_text(spec, "add table " TABLE " { flags dormant; }\n"), err);
}

/* A table that is not there can't be deleted: so it is added first. */
int guard_rules_exchange(const struct guard_spec *spec, struct cni_error *err)
{
	struct text text = table_text(spec, "add table " TABLE "\ndelete table " TABLE
					    "\nadd table " TABLE "\n");
	int ret = guard_elements_declare(spec, &text, err);

	if (ret == 0)
		return rules_apply(spec, text, err);
	free(text.text);
	return ret;
}

int guard_rules_replace(const struct guard_spec *spec, struct cni_error *err)
{
	return rules_apply(spec, (struct text){}, err);
}

struct comparison {
	struct hashes hashes;
	bool seen[RULES_MAX];
	size_t n;
	char chain[NFT_NAME_MAX]; /* of the rule before */
	size_t last; /* its number and 1 */
	bool differs;
	bool has_sets; /* some rule tells of the sets of this version */
};

/* The number of the rule that has this comment; RULES_MAX: it is none of these rules. */
static size_t comment_read(const char *comment, struct comparison *look)
{
	char expected[COMMENT_MAX], sets[COMMENT_MAX];
	size_t i = 0, len = strlen(comment), tail;

	if (strncmp(comment, "v2 ", 3) != 0)
		return RULES_MAX;
	i = strtoul(comment + 3, NULL, 10);
	snprintf(expected, sizeof(expected), COMMENT, i, look->hashes.rules,
		 look->hashes.sets);
	snprintf(sets, sizeof(sets), " %016" PRIx64, look->hashes.sets);
	tail = strlen(sets);
	if (len > tail && strcmp(comment + len - tail, sets) == 0)
		look->has_sets = true;
	return i < RULES_MAX && strcmp(comment, expected) == 0 ? i : RULES_MAX;
}

/* Takes a rule of the kernel's. Those of one chain follow each other, in their order. */
static int rule_take(const char *chain, uint64_t handle, const char *comment, void *data)
{
	struct comparison *look = data;
	size_t i;

	if (handle == 0) {
		*look = (struct comparison){.hashes = look->hashes};
		return 0;
	}
	if (strcmp(chain, look->chain) != 0)
		look->last = 0;
	strcpy(look->chain, chain);
	i = comment_read(comment, look);
	if (i == RULES_MAX || i < look->last || look->seen[i]) {
		look->differs = true;
		return 0;
	}
	look->last = i + 1;
	look->seen[i] = true;
	look->n++;
	return 0;
}

int guard_rules_compare(struct netlink *nft, const struct guard_spec *spec,
			struct cni_error *err)
{
	struct comparison look = {};
	struct nft_probes none = {};
	int ret;

	if (hashes_make(spec, &look.hashes) < 0)
		return error_oom(err);
	ret = nft_table_rules(nft, NFPROTO_INET, GUARD_TABLE, NULL, &none, rule_take,
			      &look, err);
	if (ret < 0)
		return ret;
	if (!look.has_sets)
		return GUARD_SETS_DIFFER;
	return look.differs || look.n != look.hashes.n ? GUARD_RULES_DIFFER
						       : GUARD_RULES_SAME;
}
