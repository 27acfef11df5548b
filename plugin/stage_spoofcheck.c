/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macspoofchk: the pod may send only from its MAC address; spoofCheck: and only from its
 * addresses, in IPv4, ARP, IPv6 and neighbour advertisements. In the table bridge
 * bridge_cni, a constant number of rules a network over sets whose elements are the pods,
 * keyed by the name of the host's end. Attempts are counted by the rules.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../ipam/ipam.h"
#include "../ipam/record.h"
#include "nftset_element.h"
#include "report.h"
#include "rules.h"
#include "stages.h"

#define SET_NAME_MAX 32

static const struct rules_chain prerouting = {
	.name = "prerouting",
	.hook = "type filter hook prerouting priority dstnat",
};

enum set {
	MAC_PORTS, /* ports whose MAC address is looked at */
	IP_PORTS, /* and whose other addresses are, too */
	MACS, /* port . MAC address */
	IPS4, /* port . address */
	IPS6,
	TARGETS6, /* the same, as neighbour advertisements have it: nft 1.0 has no name for
		   * that field, so that the set must be of raw payload's type */
	SETS,
};

static const struct {
	const char *name, *type;
} set_types[SETS] = {
	[MAC_PORTS] = {"mac_ports", "type ifname"},
	[IP_PORTS] = {"ip_ports", "type ifname"},
	[MACS] = {"macs", "type ifname . ether_addr"},
	[IPS4] = {"ips4", "type ifname . ipv4_addr"},
	[IPS6] = {"ips6", "type ifname . ipv6_addr"},
	[TARGETS6] = {"targets6", "typeof iifname . @th,64,128"},
};

/*
 * $0 … $5: the sets. No rule depends on another's place. An unspecified source is right
 * only where an address is looked for; tagged frames would carry addresses past the others.
 */
static const struct {
	const char *kind, *text;
	bool addresses; /* of spoofCheck */
} templates[] = {
	{"mac", "iifname @$0 iifname . ether saddr != @$2 counter drop", false},
	{"tag", "iifname @$1 ether type { 8021q, 8021ad } counter drop", true},
	{"ip4", "iifname @$1 iifname . ip saddr != @$3 counter drop", true},
	{"arp4", "iifname @$1 iifname . arp saddr ip != @$3 counter drop", true},
	{"arpmac", "iifname @$1 iifname . arp saddr ether != @$2 counter drop", true},
	{"any6",
	 "iifname @$1 ip6 saddr :: icmpv6 type != { nd-neighbor-solicit, "
	 "nd-router-solicit, mld-listener-report, mld2-listener-report } counter drop",
	 true},
	{"any6proto", "iifname @$1 ip6 saddr :: meta l4proto != icmpv6 counter drop",
	 true},
	{"ip6", "iifname @$1 ip6 saddr != :: iifname . ip6 saddr != @$4 counter drop",
	 true},
	{"na6",
	 "iifname @$1 icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @$5 counter "
	 "drop",
	 true},
};

/* The network's sets. */
struct names {
	char text[SETS][SET_NAME_MAX];
	struct nft_set sets[SETS];
};

static void names_make(const struct net_conf *conf, struct names *names)
{
	for (int i = 0; i < SETS; i++) {
		snprintf(names->text[i], SET_NAME_MAX, "%s_%016" PRIx64,
			 set_types[i].name, hash_text(conf->name));
		names->sets[i] = (struct nft_set){NFPROTO_BRIDGE, RULES_TABLE,
						  names->text[i]};
	}
}

static void template_add(const char *template, const struct names *names,
			 struct rule_text *text)
{
	for (const char *c = template; *c; c++) {
		if (*c == '$')
			rule_text_add(text, "%s", names->text[*++c - '0']);
		else
			rule_text_add(text, "%c", *c);
	}
}

/* What a pod is known by. */
struct pod {
	const char *port;
	const struct mac_addr *mac;
	const struct ip_addr *addresses;
	size_t n;
};

struct elements {
	struct nft_element *items;
	size_t n;
};

static void elements_clear(struct elements *elements)
{
	free(elements->items);
}

static void element_add(struct elements *elements, const struct names *names,
			enum set set, const char *port, const void *address, size_t len)
{
	struct nft_element *element = &elements->items[elements->n++];
	char name[IF_NAMESIZE] = {};

	memcpy(name, port, strnlen(port, sizeof(name) - 1));
	element->set = &names->sets[set];
	nft_value_add_part(&element->key, name, sizeof(name));
	if (len)
		nft_value_add_part(&element->key, address, len);
}

/* RFC 4291, appendix A: what the kernel gives an Ethernet interface by itself. */
static struct ip_addr link_local(const struct mac_addr *mac)
{
	const uint8_t *m = mac->bytes;

	return (struct ip_addr){
		AF_INET6,
		{0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3],
		 m[4], m[5]},
	};
}

static void address_add(struct elements *elements, const struct names *names,
			const char *port, const struct ip_addr *ip)
{
	if (ip->family == AF_INET) {
		element_add(elements, names, IPS4, port, ip->bytes, 4);
		return;
	}
	element_add(elements, names, IPS6, port, ip->bytes, 16);
	element_add(elements, names, TARGETS6, port, ip->bytes, 16);
}

static int elements_make(const struct names *names, const struct pod *pod, bool addresses,
			 struct elements *ret_elements, struct cni_error *err)
{
	struct ip_addr local = link_local(pod->mac);
	struct elements elements = {
		.items = calloc(5 + 2 * pod->n, sizeof(*elements.items)),
	};

	if (!elements.items)
		return error_oom(err);
	element_add(&elements, names, MACS, pod->port, pod->mac->bytes, MAC_LEN);
	for (size_t i = 0; addresses && i < pod->n; i++)
		address_add(&elements, names, pod->port, &pod->addresses[i]);
	if (addresses)
		address_add(&elements, names, pod->port, &local);
	element_add(&elements, names, MAC_PORTS, pod->port, NULL, 0);
	if (addresses)
		element_add(&elements, names, IP_PORTS, pod->port, NULL, 0);
	*ret_elements = elements;
	return 0;
}

/* The attachment's own; from what its ADD found or, on CHECK, prevResult says. */
static int own_elements(struct attachment *att, const struct names *names,
			struct elements *ret_elements, struct cni_error *err)
{
	_cleanup_(free_p) struct ip_addr *addresses = NULL;
	size_t n = att->ipam.ips.n;
	struct pod pod = {att->host_ifname, &att->container_mac, NULL, n};

	addresses = calloc(n + 1, sizeof(*addresses));
	if (!addresses)
		return error_oom(err);
	for (size_t i = 0; i < n; i++)
		addresses[i] = att->ipam.ips.items[i].address.addr;
	pod.addresses = addresses;
	return elements_make(names, &pod, att->conf.spoof_check, ret_elements, err);
}

/* Those of a record: which of them there are, its configuration knew. */
static int record_elements(const struct attachment *att, const struct names *names,
			   const struct record *record, struct elements *ret_elements,
			   struct cni_error *err)
{
	_cleanup_(free_p) struct ip_addr *addresses = NULL;
	char port[IF_NAMESIZE];
	struct pod pod = {port, &record->mac, NULL, record->n};

	identity_host_ifname(att->conf.name, record->container_id, record->ifname, port);
	addresses = calloc(record->n + 1, sizeof(*addresses));
	if (!addresses)
		return error_oom(err);
	for (size_t i = 0; i < record->n; i++)
		addresses[i] = record->addresses[i].address.addr;
	pod.addresses = addresses;
	return elements_make(names, &pod, att->conf.spoof_check, ret_elements, err);
}

/* An element in nft's words: what libnftables makes of them are the same bytes. */
static void element_text(const struct names *names, const struct nft_element *element,
			 struct rule_text *text)
{
	const uint8_t *bytes = element->key.bytes, *address = bytes + IF_NAMESIZE;
	enum set set = element->set - names->sets;
	struct ip_addr ip = {.family = set == IPS4 ? AF_INET : AF_INET6};
	struct mac_addr mac = {.set = true};

	rule_text_add(text, "add element bridge " RULES_TABLE " %s { \"%.*s\"",
		      names->text[set], IF_NAMESIZE, (const char *)bytes);
	if (set == MACS) {
		memcpy(mac.bytes, address, MAC_LEN);
		rule_text_add(text, " . %s", MAC_TEXT(&mac));
	} else if (set == IPS4 || set == IPS6) {
		memcpy(ip.bytes, address, ip_size(ip.family));
		rule_text_add(text, " . %s", IP_TEXT(&ip));
	} else if (set == TARGETS6) {
		rule_text_add(text, " . 0x");
		for (int i = 0; i < 16; i++)
			rule_text_add(text, "%02x", address[i]);
	}
	rule_text_add(text, " }\n");
}

static void elements_text(const struct names *names, const struct elements *elements,
			  struct rule_text *text)
{
	for (size_t i = 0; i < elements->n; i++)
		element_text(names, &elements->items[i], text);
}

/* One of each set, of a name that no interface can have. */
static int sentinels_make(const struct names *names, struct elements *ret_elements,
			  struct cni_error *err)
{
	const struct mac_addr mac = {};
	const struct ip_addr address = {.family = AF_INET};
	const struct pod nobody = {"/", &mac, &address, 1};

	return elements_make(names, &nobody, true, ret_elements, err);
}

struct filling {
	const struct attachment *att;
	const struct names *names;
	struct rule_text *text;
};

static int record_fill(const struct record *record, void *data, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	const struct filling *filling = data;
	int ret;

	/* The attachment's own are added, and undone, by themselves. */
	if (!record->spoof_check ||
	    (strcmp(record->container_id, filling->att->env.container_id) == 0 &&
	     strcmp(record->ifname, filling->att->env.ifname) == 0))
		return 0;
	ret = record_elements(filling->att, filling->names, record, &elements, err);
	elements_text(filling->names, &elements, filling->text);
	return ret;
}

/* Where the sets are made anew the network's other pods belong into them, too. */
static int fill(struct attachment *att, struct rule_text *text, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements sentinels = {};
	struct names names;
	struct filling filling = {att, &names, text};
	int ret;

	names_make(&att->conf, &names);
	ret = sentinels_make(&names, &sentinels, err);
	elements_text(&names, &sentinels, text);
	return ret < 0 ? ret : ipam_records(att, record_fill, &filling, err);
}

/* The sets that the rules look into. */
static int sets_wanted(const struct names *names, struct rule_list *list,
		       struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements sentinels = {};
	struct rule_text text = {};
	int ret = sentinels_make(names, &sentinels, err);

	for (int i = 0; i < SETS; i++)
		rule_text_add(&text, "add set bridge " RULES_TABLE " %s { %s; }\n",
			      names->text[i], set_types[i].type);
	list->sets = text.text;
	list->fill = fill;
	if (ret == 0 && text.failed)
		ret = error_oom(err);
	return ret < 0 ? ret
		       : rule_list_sentinels(list, sentinels.items, sentinels.n, err);
}

static int rules_wanted(const struct net_conf *conf, struct rule_list *ret_list,
			struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list list = {
		.family = "bridge",
		.items = calloc(ARRAY_SIZE(templates), sizeof(*list.items)),
	};
	struct names names;
	int ret;

	if (!list.items)
		return error_oom(err);
	names_make(conf, &names);
	ret = sets_wanted(&names, &list, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		struct rule *rule = &list.items[list.n];
		struct rule_text text = {};

		if (templates[i].addresses && !conf->spoof_check)
			continue;
		template_add(templates[i].text, &names, &text);
		rule->chain = &prerouting;
		snprintf(rule->kind, sizeof(rule->kind), "%s", templates[i].kind);
		rule->text = text.text;
		list.n++;
		if (text.failed)
			return error_oom(err);
	}
	*ret_list = list;
	list = (struct rule_list){};
	return 0;
}

static int spoofcheck_rules(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret;

	if (!att->conf.mac_spoof_check)
		return 0;
	ret = rules_wanted(&att->conf, &wanted, err);
	return ret < 0 ? ret : rules_ensure(att, stage_spoofcheck.name, &wanted, err);
}

static int spoofcheck_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	struct names names;
	struct netlink *nl = NULL;
	int ret;

	if (!att->conf.mac_spoof_check)
		return 0;
	names_make(&att->conf, &names);
	ret = spoofcheck_rules(att, err);
	if (ret == 0)
		ret = node_nftables(att->node, &nl, err);
	if (ret == 0)
		ret = own_elements(att, &names, &elements, err);
	if (ret == 0)
		ret = nft_elements_add(nl, elements.items, elements.n, 0, err);
	/* The kernel may have done it, and its answer been lost. */
	if (ret < 0 && elements.n > 0)
		nft_elements_del(nl, elements.items, elements.n, &(struct cni_error){});
	return ret;
}

/* Elements that somebody flushed while the rules stayed. */
static int spoofcheck_repair(struct attachment *att, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	struct names names;
	struct netlink *nl = NULL;
	size_t missing = 0;
	int ret;

	if (!att->conf.mac_spoof_check || !att->record->spoof_check)
		return 0;
	names_make(&att->conf, &names);
	ret = node_nftables(att->node, &nl, err);
	if (ret == 0)
		ret = own_elements(att, &names, &elements, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i++) {
		struct nft_element found;

		ret = nft_element_get(nl, elements.items[i].set, &elements.items[i].key,
				      &found, err);
		missing += ret == -ENOENT;
		ret = ret == -ENOENT ? 0 : ret;
	}
	if (ret < 0 || missing == 0)
		return ret;
	ret = nft_elements_add(nl, elements.items, elements.n, 0, err);
	if (ret == 0)
		report_done(att, "spoofcheck: its elements in table bridge " RULES_TABLE);
	return ret;
}

static int spoofcheck_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	_cleanup_(elements_clear) struct elements elements = {};
	struct names names;
	struct netlink *nl = NULL;
	int ret;

	if (!att->conf.mac_spoof_check)
		return 0;
	names_make(&att->conf, &names);
	ret = rules_wanted(&att->conf, &wanted, err);
	if (ret == 0)
		ret = rules_check(att, stage_spoofcheck.name, &wanted, err);
	if (ret == 0)
		ret = node_nftables(att->node, &nl, err);
	if (ret == 0)
		ret = own_elements(att, &names, &elements, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i++) {
		struct nft_element found;

		ret = nft_element_get(nl, elements.items[i].set, &elements.items[i].key,
				      &found, err);
		if (ret == -ENOENT)
			ret = error_set(
				err, CNI_ERR_CHECK, ENOENT,
				"%s: expected an element for %s in set %s "
				"of table bridge " RULES_TABLE ", found none: what "
				"the pod sends is dropped, or not looked at",
				att->conf.spoof_check ? "spoofCheck" : "macspoofchk",
				att->host_ifname, elements.items[i].set->name);
	}
	return ret;
}

/* By the record, whatever the configuration says now; an ADD undoes what it made itself. */
static int spoofcheck_del(struct attachment *att, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	struct attachment all = {.conf = {.name = att->conf.name, .spoof_check = true}};
	bool add = att->env.verb == CNI_ADD;
	struct names names;
	struct netlink *nl = NULL;
	int ret;

	if (add ? !att->conf.mac_spoof_check : !att->record || !att->record->spoof_check)
		return 0;
	names_make(&att->conf, &names);
	ret = add ? own_elements(att, &names, &elements, err)
		  : record_elements(&all, &names, att->record, &elements, err);
	if (ret == 0)
		ret = node_nftables(att->node, &nl, err);
	return ret < 0 ? ret : nft_elements_del(nl, elements.items, elements.n, err);
}

const struct stage stage_spoofcheck = {
	.name = "spoofcheck",
	.add = spoofcheck_add,
	.check = spoofcheck_check,
	.del = spoofcheck_del,
	.repair_shared = spoofcheck_rules,
	.repair = spoofcheck_repair,
};
