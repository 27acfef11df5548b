/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nf_tables_hooks.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_arp.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/socket.h>

#include "chain_names.h"
#include "conf/base/list.h"
#include "nf_tables_match.h"

#define NETDEV_EGRESS 1 /* NF_NETDEV_EGRESS of Linux 5.16 */
#define INET_INGRESS  5 /* NF_INET_INGRESS of Linux 5.10 */

const char *nft_family_name(int family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "netdev";
	}
}

const char *nft_hook_name(const struct nft_base_chain *base)
{
	if (base->family == NFPROTO_NETDEV)
		return base->hook == NETDEV_EGRESS ? "egress" : "ingress";
	if (base->family == NFPROTO_ARP)
		return base->hook == NF_ARP_OUT ? "output" : "input";
	if (base->hook == NF_INET_INGRESS)
		return "ingress";
	return base->hook < NF_INET_NUMHOOKS ? hook_names[base->hook] : "another hook";
}

static bool is_on(const struct nft_base_chain *base, const char *ifname)
{
	for (size_t i = 0; i < base->devices_n; i++) {
		const char *device = base->devices[i];
		size_t len = strlen(device);

		if (len > 0 && device[len - 1] == '*'
			    ? strncmp(device, ifname, len - 1) == 0
			    : strcmp(device, ifname) == 0)
			return true;
	}
	return false;
}

static bool is_of_device(const struct nft_base_chain *base, unsigned int number,
			 const struct packet *packet)
{
	bool ingress = number != NETDEV_EGRESS;

	if (base->family == NFPROTO_NETDEV ? base->hook != number
					   : base->family != NFPROTO_INET || !ingress ||
						     base->hook != INET_INGRESS)
		return false;
	return is_on(base, ingress ? packet->in : packet->out);
}

static bool is_of_ip(const struct nft_base_chain *base, unsigned int number,
		     const struct packet *packet)
{
	switch (packet->ethertype) {
	case ETHERTYPE_ARP:
		return base->family == NFPROTO_ARP &&
		       ((number == NF_INET_LOCAL_IN && base->hook == NF_ARP_IN) ||
			(number == NF_INET_LOCAL_OUT && base->hook == NF_ARP_OUT));
	case ETHERTYPE_IP:
		return base->hook == number &&
		       (base->family == NFPROTO_INET || base->family == NFPROTO_IPV4);
	default:
		return base->hook == number &&
		       (base->family == NFPROTO_INET || base->family == NFPROTO_IPV6);
	}
}

static bool comes_by(const struct nft_base_chain *base, const struct packet_hook *hook,
		     const struct packet *packet)
{
	if (base->dormant || (base->is_nat && packet->state != PACKET_NEW))
		return false;
	switch (hook->layer) {
	case HOOK_IP:
		return is_of_ip(base, hook->number, packet);
	case HOOK_BRIDGE:
		return base->family == NFPROTO_BRIDGE && base->hook == hook->number;
	case HOOK_DEVICE:
		return is_of_device(base, hook->number, packet);
	}
	return false;
}

struct nft_source {
	struct chain_source source; /* the first member */
	struct nft_ruleset *ruleset;
	struct rule_place place;
	struct packet packet;
};

static int rules_judge(const struct chain_source *source, const char *chain,
		       struct rule_judged_list *ret_list, struct cni_error *err)
{
	const struct nft_source *nft = (const struct nft_source *)source;
	const struct nft_chain_rules *rules = NULL;
	struct rule_judged_list list = {};
	int ret = nft_ruleset_rules(nft->ruleset, nft->place.family, nft->place.table,
				    chain, &rules, err);

	for (size_t i = 0; ret == 0 && i < rules->n; i++) {
		struct rule_judged judged = rule_judge(
			&nft->place, rules->items[i].expressions, &nft->packet);
		struct rule_judged *item;

		if (!rule_matters(&judged))
			continue;
		item = LIST_ADD(&list);
		if (item)
			*item = judged;
		else
			ret = error_oom(err);
	}
	if (ret < 0) {
		free(list.items);
		return ret;
	}
	*ret_list = list;
	return 0;
}

static int base_walk(struct nft_ruleset *ruleset, const struct nft_base_chain *base,
		     const struct packet *packet, struct hook_drop_list *list,
		     struct cni_error *err)
{
	struct nft_source source = {
		.source.rules = rules_judge,
		.ruleset = ruleset,
		.place = {ruleset->nl, &ruleset->answers, base->family, base->table},
		.packet = *packet,
	};
	struct chain_walked walked;
	struct hook_drop *drop;
	int ret;

	ret = chain_walk(&source.source, base->chain, base->policy_drops, &walked, err);
	list->marks |= ret >= 0 && walked.marks;
	if (ret != CHAIN_DROPS)
		return ret;
	drop = LIST_ADD(list);
	if (!drop)
		return error_oom(err);
	*drop = (struct hook_drop){base, walked};
	return 0;
}

int nft_hook_drops(struct nft_ruleset *ruleset, const struct packet_hook *hook,
		   const struct packet *packet, struct hook_drop_list *list,
		   struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ruleset->bases.n; i++) {
		const struct nft_base_chain *base = &ruleset->bases.items[i];
		struct packet seen = packet_seen(packet, hook, base->priority);

		if (comes_by(base, hook, packet))
			ret = base_walk(ruleset, base, &seen, list, err);
	}
	return ret;
}
