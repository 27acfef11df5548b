/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VXLAN packet is judged twice. As a packet of the underlay it still says who sent it:
 * chain vxlan, at the input hook, looks through the headers to the inner source. That
 * hook is the last one before the socket, so that nobody changes the destination behind
 * it: it sees all packets that VXLAN is given, and none that this node only routes.
 * Packets are whole there: chain sent uses conntrack, and so the kernel reassembles IPv6,
 * too, before the rules. The inner packet, then, is seen where it comes in by the
 * tunnel's device. Chain tunnelled is for all tunnels; for it, extension headers of IPv6
 * hide nothing.
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

#include "conf/base/text.h"
#include "conf/identity.h"
#include "device_names.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/nft/nft.h"

#define TABLE	     "inet " GUARD_TABLE
#define DROP(reason) "counter name tunnel_" reason " drop"

/* Bits from the UDP header on. */
#define VNI	     "@th,96,24"
#define INNER_MAC    "@th,128,48" /* destination */
#define INNER_TYPE   "@th,224,16"
#define INNER_SADDR4 "@th,336,32"
#define INNER_SADDR6 "@th,304,128"

/* A pod's packet to the port of VXLAN that leaves with this node's address: to another
 * node it would look like one that this node's device has sent. Those that the device
 * itself has sent are many, and are known by its name. */
#define FORGED(ip, own)                                                          \
	"udp dport $port iifname != \"" VXLAN_DEVICES                            \
	"*\" meta nfproto . ct original " ip " saddr " own " meta nfproto . " ip \
	" saddr != " own " " DROP("pod")

/* A rule's number, a hash of all rules, and one of all sets. */
#define COMMENT	    "v2 %zu %016" PRIx64 " %016" PRIx64
#define COMMENT_MAX 64
#define RULES_MAX   128
#define SET_TYPES   (GUARD_OWN_6 - GUARD_OWN_4 + GUARD_OWN_4 / GUARD_SHARDS + 1)

const char *const guard_reason_names[GUARD_REASONS] = {
	[GUARD_DESTINATION] = "destination", [GUARD_FRAME] = "frame",
	[GUARD_NEIGHBOUR] = "neighbour",     [GUARD_POD] = "pod",
	[GUARD_SOURCE] = "source",
};

static const struct {
	const char *name, *key;
} set_types[SET_TYPES] = {
	{"sources_44", "ip saddr . " INNER_SADDR4},
	{"sources_46", "ip saddr . " INNER_SADDR6},
	{"sources_64", "ip6 saddr . " INNER_SADDR4},
	{"sources_66", "ip6 saddr . " INNER_SADDR6},
	{"own_4", "meta nfproto . ip daddr"},
	{"own_6", "meta nfproto . ip6 daddr"},
};

static int type_of(enum guard_set set)
{
	return set < GUARD_OWN_4 ? set / GUARD_SHARDS
				 : GUARD_OWN_4 / GUARD_SHARDS + (set - GUARD_OWN_4);
}

void guard_set_name(enum guard_set set, char ret_name[NFT_SET_NAME_MAX])
{
	const char *name = set_types[type_of(set)].name;

	if (set < GUARD_OWN_4)
		snprintf(ret_name, NFT_SET_NAME_MAX, "%s_%x", name, set % GUARD_SHARDS);
	else
		snprintf(ret_name, NFT_SET_NAME_MAX, "%s", name);
}

/* The priority is that before the reassembly of fragments and before conntrack. */
#define AT(hook) " { type filter hook " hook " priority -450; policy accept; }"
static const struct {
	const char *name, *hook;
} chains[] = {
	{"vxlan", ""},
	{"tunnelled", ""},
	{"underlay", AT("input")},
	{"inner", AT("prerouting")},
	/* Behind the translation of sources. */
	{"sent", " { type filter hook postrouting priority 300; policy accept; }"},
};

/* The chains from4_0, …, from6_f: for outer sources by their last four bits. */
static const struct {
	const char *prefix, *key, *zeros;
} shards[IP_FAMILIES] = {
	{"from4_", "ip saddr & 0.0.0.15", "0.0.0."},
	{"from6_", "ip6 saddr & ::f", "::"},
};

/* Says where a shard's number stands in text: in IPv4 addresses it is decimal. */
static void shard_add(int f, int shard, struct text *text)
{
	text_add(text, f == 0 ? "%s%d" : "%s%x", shards[f].zeros, shard);
}

/* Takes a rule: those of a chain come in their order. */
typedef void (*rule_fn)(const char *chain, const char *rule, void *data);

static void shard_rules(int f, rule_fn fn, void *data, struct text *jumps)
{
	static const struct {
		const char *type, *key;
	} inner[IP_FAMILIES] = {{"0x0800", INNER_SADDR4}, {"0x86dd", INNER_SADDR6}};
	const char *saddr = f == 0 ? "ip saddr" : "ip6 saddr";

	text_add(jumps, "%s vmap { ", shards[f].key);
	for (int shard = 0; shard < GUARD_SHARDS; shard++) {
		char chain[NFT_SET_NAME_MAX], rule[256], set[NFT_SET_NAME_MAX];

		snprintf(chain, sizeof(chain), "%s%x", shards[f].prefix, shard);
		for (int k = 0; k < IP_FAMILIES; k++) {
			guard_set_name((f * IP_FAMILIES + k) * GUARD_SHARDS + shard, set);
			snprintf(rule, sizeof(rule), INNER_TYPE " %s %s . %s @%s accept",
				 inner[k].type, saddr, inner[k].key, set);
			fn(chain, rule, data);
		}
		shard_add(f, shard, jumps);
		text_add(jumps, " : jump %s%s", chain,
			 shard + 1 < GUARD_SHARDS ? ", " : " }");
	}
}

/* A rule that can't read what it looks for, as the packet ends before, doesn't match: so
 * the last rule of a chain drops. -ENOMEM. */
static int rules_each(const struct guard_spec *spec, rule_fn fn, void *data)
{
	struct text jumps[IP_FAMILIES] = {};
	bool failed = false;

	for (int f = 0; f < IP_FAMILIES; f++) {
		shard_rules(f, fn, data, &jumps[f]);
		failed = failed || jumps[f].failed;
	}
	/* Somebody else's device may share the port, with another VNI. */
	fn("vxlan", VNI " != $vni accept", data);
	fn("vxlan", INNER_MAC " != $mac " DROP("frame"), data);
	for (int f = 0; !failed && f < IP_FAMILIES; f++)
		fn("vxlan", jumps[f].text, data);
	fn("vxlan", INNER_TYPE " { 0x0800, 0x86dd } " DROP("source"), data);
	fn("vxlan", DROP("frame"), data);
	/* Multicast listener discovery, neighbour discovery (also inverse and secure),
	 * multicast routers: nothing of that is meant for another link. */
	fn("tunnelled",
	   "icmpv6 type { 130-137, 141-143, 148-149, 151-153 } " DROP("neighbour"), data);
	fn("tunnelled", "icmp type redirect " DROP("neighbour"), data);
	fn("tunnelled", "meta nfproto . ip daddr @own_4 accept", data);
	fn("tunnelled", "meta nfproto . ip6 daddr @own_6 accept", data);
	fn("tunnelled", DROP("destination"), data);
	if (spec->vxlan)
		fn("underlay", "udp dport $port goto vxlan", data);
	if (spec->vxlan)
		fn("inner", "iifname \"" VXLAN_DEVICES "*\" goto tunnelled", data);
	if (spec->wireguard)
		fn("inner", "iifname \"" WIREGUARD_DEVICES "*\" goto tunnelled", data);
	if (spec->vxlan) {
		fn("sent", FORGED("ip", "@own_4"), data);
		fn("sent", FORGED("ip6", "@own_6"), data);
	}
	for (int f = 0; f < IP_FAMILIES; f++)
		free(jumps[f].text);
	return failed ? -ENOMEM : 0;
}

/* Without VXLAN nothing leads to its chain, whose rules want values all the same. */
static void variables_add(const struct guard_spec *spec, struct text *text)
{
	const uint8_t *mac = spec->mac.bytes;

	text_add(text, "define port = %u\ndefine vni = %" PRIu32 "\n", spec->port,
		 spec->vni);
	text_add(text, "define mac = 0x%02x%02x%02x%02x%02x%02x\n", mac[0], mac[1],
		 mac[2], mac[3], mac[4], mac[5]);
}

/* Elements count what comes from each peer (silent_peers.h). */
static void sets_add(struct text *text)
{
	text_add(text, "add table " TABLE " { flags dormant; }\n");
	for (int i = 0; i < GUARD_SETS; i++) {
		char name[NFT_SET_NAME_MAX];

		guard_set_name(i, name);
		text_add(text, "add set " TABLE " %s { typeof %s; flags interval; %s}\n",
			 name, set_types[type_of(i)].key,
			 i < GUARD_OWN_4 ? "counter; " : "");
	}
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
	struct text sets = {};
	int ret;

	variables_add(spec, &summary.text);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		text_add(&summary.text, "%s%s\n", chains[i].name, chains[i].hook);
	ret = rules_each(spec, summary_add, &summary);
	if (text_hash(&summary.text, &hashes.rules) < 0)
		ret = -ENOMEM;
	sets_add(&sets);
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
	for (int f = 0; f < IP_FAMILIES; f++)
		for (int shard = 0; shard < GUARD_SHARDS; shard++) {
			char name[NFT_SET_NAME_MAX];

			snprintf(name, sizeof(name), "%s%x", shards[f].prefix, shard);
			chain_add(name, "", text);
		}
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

static int rules_apply(const struct guard_spec *spec, bool whole, struct cni_error *err)
{
	struct writing writing = {};
	int ret = hashes_make(spec, &writing.hashes);

	variables_add(spec, &writing.text);
	if (whole)
		sets_add(&writing.text);
	chains_add(&writing.text);
	if (ret == 0)
		ret = rules_each(spec, rule_write, &writing);
	ret = ret < 0 || writing.text.failed ? error_oom(err)
					     : nft_apply(writing.text.text, err);
	free(writing.text.text);
	return ret;
}

int guard_rules_make(const struct guard_spec *spec, struct cni_error *err)
{
	return rules_apply(spec, true, err);
}

int guard_rules_replace(const struct guard_spec *spec, struct cni_error *err)
{
	return rules_apply(spec, false, err);
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
