/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames whose port, MAC address and source address are a pod's own are looked up once,
 * and only what such a source may not say is dropped then (from4, from6). All other
 * frames of a checked port come to the owner's chain checks_OWNER, which accepts the few
 * that are right and counts and drops the rest.
 *
 * What can't be read is never right: nf_tables walks IPv6's extension headers to the
 * upper layer, and where they are cut off, as in a fragment, a rule that asks for that
 * layer doesn't match.
 */
#include "spoofcheck_rules.h"

#include <stdlib.h>
#include <string.h>

#include "spoofcheck_elements.h"

static const struct rules_chain prerouting = {
	.name = "prerouting",
	.hook = "type filter hook prerouting priority dstnat",
	.in_order = true,
};
/* With spanning tree on, frames for a bridge's own addresses come here, past the chain
 * prerouting. */
static const struct rules_chain input = {
	.name = "input",
	.hook = "type filter hook input priority filter",
};
static const struct rules_chain checks = {
	.name = "checks", .of_owner = true, .in_order = true};
static const struct rules_chain from4 = {.name = "from4", .in_order = true};
static const struct rules_chain from6 = {.name = "from6", .in_order = true};
static const struct rules_chain reports = {.name = "reports", .in_order = true};
static const struct rules_chain dropped = {.name = "dropped", .in_order = true};

/* The counters, which all owners share, the ports whose frames were dropped lately, and
 * how many reports of multicast groups came from each port. */
static const char shared_objects[] =
	"add counter bridge " RULES_TABLE " spoof_mac\n"
	"add counter bridge " RULES_TABLE " spoof_ethertype\n"
	"add counter bridge " RULES_TABLE " spoof_ip4\n"
	"add counter bridge " RULES_TABLE " spoof_arp\n"
	"add counter bridge " RULES_TABLE " spoof_ip6\n"
	"add counter bridge " RULES_TABLE " spoof_nd\n"
	"add counter bridge " RULES_TABLE " spoof_ra\n"
	"add counter bridge " RULES_TABLE " spoof_dhcp\n"
	"add counter bridge " RULES_TABLE " spoof_query\n"
	"add counter bridge " RULES_TABLE " spoof_bpdu\n"
	"add set bridge " RULES_TABLE " dropped_ports "
	"{ type ifname; flags dynamic,timeout; timeout 10m; size 1024; }\n"
	"add set bridge " RULES_TABLE " report_few "
	"{ type ifname; flags dynamic,timeout; timeout 2m; size 65535; }\n"
	"add set bridge " RULES_TABLE " report_many "
	"{ type ifname; flags dynamic,timeout; timeout 5m; size 65535; }\n";

#define DROP(counter) "counter name \"" counter "\" goto dropped"
#define ARP4	      "$t arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 "
/* Neighbour discovery goes right behind the IPv6 header; behind other headers it is
 * dropped by the last rule. @type: of ICMPv6. */
#define ND(type) "$t ip6 ip6 nexthdr icmpv6 @th,0,8 " type " "
/* No later fragment. */
#define FIRST4	    "@nh,48,16 & 0x1fff == 0 "
#define OWN_TARGET  "iifname . @th,64,128 @$5 "
#define OWN_OPTION  "iifname . @th,208,48 @$6 "
#define OWN_SOURCE4 "iifname . ether saddr . ip saddr @$3 "
#define OWN_SOURCE6 "iifname . ether saddr . ip6 saddr @$4 "

enum needed_for {
	FOR_MACS, /* macspoofchk and spoofCheck */
	FOR_ADDRESSES, /* spoofCheck alone */
	FOR_ALL, /* the owners share it */
};

/*
 * $0 to $6 stand for the owner's sets, by their numbers in enum spoof_set; $c for the
 * owner's chain checks_OWNER; $t for the word that reads the frame's type. "ether type"
 * reads it where a tag would be, so that tagged frames have another type; "meta protocol"
 * reads what is in the tag. nft would choose one of them itself, but not every version
 * the same one.
 */
static const struct {
	const struct rules_chain *chain;
	enum needed_for needed_for;
	char kind[RULE_KIND_MAX];
	const char *text;
} templates[] = {
	{&prerouting, FOR_ADDRESSES, "own4", "$t ip " OWN_SOURCE4 "jump from4"},
	{&prerouting, FOR_ADDRESSES, "own6", "$t ip6 " OWN_SOURCE6 "jump from6"},
	{&prerouting, FOR_MACS, "mac",
	 "iifname @$0 iifname . ether saddr != @$2 " DROP("spoof_mac")},
	{&prerouting, FOR_ADDRESSES, "rest", "iifname @$1 jump $c"},

	{&input, FOR_ADDRESSES, "bpdu",
	 "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 iifname @$1 " DROP(
		 "spoof_bpdu")},

	/* The source MAC address is the pod's own here. */
	{&checks, FOR_ADDRESSES, "group",
	 "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 " DROP("spoof_bpdu")},
	{&checks, FOR_ADDRESSES, "type",
	 "$t != { ip, ip6, arp } " DROP("spoof_ethertype")},

	{&checks, FOR_ADDRESSES, "arp",
	 ARP4 "arp operation { request, reply } "
	      "iifname . arp saddr ether . arp saddr ip @$3 accept"},
	/* A probe for another's address would keep that one from having it. */
	{&checks, FOR_ADDRESSES, "arpprobe",
	 ARP4 "arp operation request arp saddr ip 0.0.0.0 "
	      "iifname . arp saddr ether . arp daddr ip @$3 accept"},
	{&checks, FOR_ADDRESSES, "arpother", "$t arp " DROP("spoof_arp")},

	{&checks, FOR_ADDRESSES, "dhcp",
	 "$t ip ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept"},
	{&checks, FOR_ADDRESSES, "ip4", "$t ip " DROP("spoof_ip4")},

	/* From ::, which stands for a host that has no address yet: reports of multicast
	 * groups, the search for routers, and for somebody who has its own address, which
	 * may have a nonce (RFC 7527). */
	{&checks, FOR_ADDRESSES, "anymld",
	 "$t ip6 ip6 saddr :: meta l4proto icmpv6 @th,0,8 { 131, 132, 143 } goto reports"},
	{&checks, FOR_ADDRESSES, "anyrs", ND("133") "ip6 saddr :: ip6 length 8 accept"},
	{&checks, FOR_ADDRESSES, "anyns",
	 ND("135") "ip6 saddr :: ip6 length 24 " OWN_TARGET "accept"},
	{&checks, FOR_ADDRESSES, "anynonce",
	 ND("135") "ip6 saddr :: ip6 length 32 @th,192,16 0x0e01 " OWN_TARGET "accept"},
	{&checks, FOR_ADDRESSES, "anyother",
	 "$t ip6 ip6 saddr :: ip6 nexthdr icmpv6 " DROP("spoof_nd")},

	{&checks, FOR_ADDRESSES, "ip6",
	 "$t ip6 iifname . ether saddr . ip6 saddr != @$4 " DROP("spoof_ip6")},
	{&checks, FOR_ADDRESSES, "ns", ND("135") "ip6 length 24 accept"},
	{&checks, FOR_ADDRESSES, "nsoption",
	 ND("135") "ip6 length 32 @th,192,16 0x0101 " OWN_OPTION "accept"},
	{&checks, FOR_ADDRESSES, "na", ND("136") "ip6 length 24 " OWN_TARGET "accept"},
	{&checks, FOR_ADDRESSES, "naoption",
	 ND("136") "ip6 length 32 @th,192,16 0x0201 " OWN_OPTION OWN_TARGET "accept"},
	{&checks, FOR_ADDRESSES, "rs", ND("133") "ip6 length 8 accept"},
	{&checks, FOR_ADDRESSES, "rsoption",
	 ND("133") "ip6 length 16 @th,64,16 0x0101 iifname . @th,80,48 @$6 accept"},
	{&checks, FOR_ADDRESSES, "nd", DROP("spoof_nd")},

	/* From an IPv4 address of the pod's. Nobody waits for an answer of a DHCP server
	 * above port 68, so most UDP takes one comparison. Later fragments have no header
	 * of the upper layer, but some kernels read one there. They are harmless, as the
	 * first one was looked at. */
	{&from4, FOR_ALL, "tcp4", "meta l4proto tcp accept"},
	{&from4, FOR_ALL, "udp4", "meta l4proto udp udp dport 69-65535 accept"},
	{&from4, FOR_ALL, "server4",
	 "meta l4proto udp udp sport 67 " FIRST4 DROP("spoof_dhcp")},
	{&from4, FOR_ALL, "client4",
	 "meta l4proto udp udp dport 68 " FIRST4 DROP("spoof_dhcp")},
	/* Queries and advertisements of multicast routers (RFC 4286), and PIM (103): by
	 * each of them a bridge takes the port for that of such a router. */
	{&from4, FOR_ALL, "igmp",
	 "meta l4proto igmp @th,0,8 { 0x11, 0x30 } " FIRST4 DROP("spoof_query")},
	{&from4, FOR_ALL, "pim", "meta l4proto 103 " DROP("spoof_query")},
	{&from4, FOR_ALL, "report4", "meta l4proto igmp goto reports"},
	{&from4, FOR_ALL, "whole4", "meta l4proto != 255 accept"},
	{&from4, FOR_ALL, "broken4", DROP("spoof_ip4")},

	/* From an IPv6 address of the pod's: neighbour discovery returns to the owner's
	 * rules. A first fragment that ends before the ports or the type would be given
	 * them by the next one. */
	{&from6, FOR_ALL, "tcp6", "meta l4proto tcp accept"},
	{&from6, FOR_ALL, "udp6", "meta l4proto udp udp dport 548-65535 accept"},
	{&from6, FOR_ALL, "icmp6",
	 "meta l4proto icmpv6 @th,0,8 != { 130-137, 143, 151 } accept"},
	{&from6, FOR_ALL, "other6", "meta l4proto != { udp, icmpv6, 103, 255 } accept"},
	{&from6, FOR_ALL, "later6",
	 "meta protocol ip6 frag frag-off > 0 meta l4proto { udp, icmpv6 } accept"},
	{&from6, FOR_ALL, "nd6", "meta l4proto icmpv6 @th,0,8 { 133, 135, 136 } return"},
	{&from6, FOR_ALL, "report6",
	 "meta l4proto icmpv6 @th,0,8 { 131, 132, 143 } goto reports"},
	{&from6, FOR_ALL, "router6",
	 "meta l4proto icmpv6 @th,0,8 { 134, 137 } " DROP("spoof_ra")},
	{&from6, FOR_ALL, "mld6",
	 "meta l4proto icmpv6 @th,0,8 { 130, 151 } " DROP("spoof_query")},
	{&from6, FOR_ALL, "pim6", "meta l4proto 103 " DROP("spoof_query")},
	{&from6, FOR_ALL, "server6",
	 "meta l4proto udp udp sport 547 " DROP("spoof_dhcp")},
	{&from6, FOR_ALL, "client6",
	 "meta l4proto udp udp dport 546 " DROP("spoof_dhcp")},
	/* The ports are there, and are none of the above. */
	{&from6, FOR_ALL, "low6", "meta l4proto udp udp dport 0-547 accept"},
	{&from6, FOR_ALL, "broken6", DROP("spoof_ip6")},

	/* A bridge that knows 4096 groups turns its knowledge of groups off, and it knows
	 * each for 260 seconds. In that time a pod may report 3946, few of them at once
	 * or many. The kernel's own limit (mcast_max_groups) is looked at too late: a
	 * group above it is known for ever. The type 0x22 is IGMPv3's, 143 MLDv2's. */
	{&reports, FOR_ALL, "toomany",
	 "@th,0,8 { 0x22, 143 } @th,48,16 > 64 " DROP("spoof_query")},
	{&reports, FOR_ALL, "many",
	 "@th,0,8 { 0x22, 143 } @th,48,16 > 8 update @report_many "
	 "{ iifname limit rate over 2/minute burst 8 packets } " DROP("spoof_query")},
	{&reports, FOR_ALL, "few",
	 "update @report_few "
	 "{ iifname limit rate over 1/second burst 100 packets } " DROP("spoof_query")},
	{&reports, FOR_ALL, "report", "accept"},

	/* Where the set is full, its rule ends without a verdict. */
	{&dropped, FOR_ALL, "note", "update @dropped_ports { iifname }"},
	{&dropped, FOR_ALL, "drop", "drop"},
};

/* The words that templates leave open. */
struct words {
	struct spoof_sets sets;
	char chain[RULES_CHAIN_MAX];
	const char *type;
};

static void words_make(const struct network *network, struct words *words)
{
	spoof_sets_name(network->owner, &words->sets);
	rule_chain_name(&(struct rule){.chain = &checks}, network->owner, words->chain);
	words->type = network->vlan_trunk.n > 0 ? "meta protocol" : "ether type";
}

static const char *word_of(const struct words *words, char letter)
{
	if (letter == 'c')
		return words->chain;
	return letter == 't' ? words->type : words->sets.sets[letter - '0'].name;
}

static void template_add(const char *template, const struct words *words,
			 struct text *text)
{
	for (;;) {
		size_t plain = strcspn(template, "$");
		const char *word;

		text_put(text, template, plain);
		template += plain;
		if (!*template)
			return;
		word = word_of(words, template[1]);
		text_put(text, word, strlen(word));
		template += 2;
	}
}

/* The rules of the chain prerouting tell of all others, whichever are needed. */
static void seal(struct rule_list *list)
{
	uint64_t seal = 0;

	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].chain != &prerouting)
			seal = seal * 31 +
			       rule_fingerprint(&list->items[i], list->items[i].text);
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].chain == &prerouting)
			list->items[i].seal = seal;
}

int spoof_rules_wanted(const struct network *network, bool addresses,
		       struct rule_list *ret_list, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list list = {
		.family = "bridge",
		.items = calloc(ARRAY_SIZE(templates), sizeof(*list.items)),
	};
	_cleanup_(text_clear) struct text text = {};
	struct words words;
	int ret;

	if (!list.items)
		return error_oom(err);
	words_make(network, &words);
	ret = spoof_sets_wanted(&words.sets, &list, err);
	if (ret < 0)
		return ret;
	text_put(&list.set_commands, shared_objects, sizeof(shared_objects) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		struct rule *rule = &list.items[list.n++];

		rule->tolerated = templates[i].needed_for == FOR_ADDRESSES && !addresses;
		rule->shared = templates[i].needed_for == FOR_ALL;
		rule->chain = templates[i].chain;
		memcpy(rule->kind, templates[i].kind, sizeof(rule->kind));
		text_cut(&text, 0);
		template_add(templates[i].text, &words, &text);
		rule->text = text.failed ? NULL : strdup(text.text);
		if (!rule->text)
			return error_oom(err);
	}
	seal(&list);
	list.glance = prerouting.name;
	*ret_list = list;
	list = (struct rule_list){};
	return 0;
}
