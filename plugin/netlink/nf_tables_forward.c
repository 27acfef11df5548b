/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists the chains of the hook forward, then reads only those chains' rules, and those
 * of the chains that they lead to: kube-proxy's thousands aren't read. */
#include "nf_tables_forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>
#include <sys/socket.h>

#include "attr.h"
#include "conf/base/list.h"
#include "nf_tables_match.h"
#include "nfnetlink.h"

#define DEPTH_MAX 16 /* of jumps; the kernel's limit */
#define RULES_MAX 65536 /* of a walk: beyond, what happens isn't known */

struct base_chain {
	struct forward_drop place;
	bool policy_drops;
};

struct base_chain_list {
	struct base_chain *items;
	size_t n;
};

static int chain_read(const struct nlmsghdr *answer, void *data)
{
	struct base_chain_list *list = data;
	struct nlattr *attrs[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct base_chain *chain;
	int family;

	if (!answer) {
		list->n = 0;
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_CHAIN_MAX, NULL) < 0 ||
	    !attrs[NFTA_CHAIN_TABLE] || !attrs[NFTA_CHAIN_NAME])
		return -EBADMSG;
	family = ((struct nfgenmsg *)nlmsg_data(answer))->nfgen_family;
	if (!attrs[NFTA_CHAIN_HOOK] ||
	    (family != NFPROTO_INET && family != NFPROTO_IPV4 &&
	     family != NFPROTO_IPV6) ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, attrs[NFTA_CHAIN_HOOK], NULL) < 0 ||
	    ntohl(get_u32(hook[NFTA_HOOK_HOOKNUM])) != NF_INET_FORWARD)
		return 0;
	chain = LIST_ADD(list);
	if (!chain)
		return -ENOMEM;
	chain->place.family = family;
	nla_strlcpy(chain->place.table, attrs[NFTA_CHAIN_TABLE],
		    sizeof(chain->place.table));
	nla_strlcpy(chain->place.chain, attrs[NFTA_CHAIN_NAME],
		    sizeof(chain->place.chain));
	chain->policy_drops = attrs[NFTA_CHAIN_POLICY] &&
			      ntohl(get_u32(attrs[NFTA_CHAIN_POLICY])) == NF_DROP;
	return 0;
}

static int chains_get(struct netlink *nl, struct base_chain_list *list,
		      struct cni_error *err)
{
	int ret;

	begin_nfnl(nl,
		   netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETCHAIN), NLM_F_DUMP,
				 "reading the chains of nftables"),
		   AF_UNSPEC);
	ret = netlink_request(nl, chain_read, list, ENOENT, err);
	return ret == NETLINK_EXPECTED ? 0 : ret;
}

/* The rules of one chain, judged. */
struct judged_rules {
	const struct forwarded_packet *packet;
	struct rule_judged *items;
	size_t n;
};

static int rule_read(const struct nlmsghdr *answer, void *data)
{
	struct judged_rules *rules = data;
	struct nlattr *attrs[NFTA_RULE_MAX + 1];
	struct rule_judged judged, *item;

	if (!answer) {
		rules->n = 0;
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), attrs,
			NFTA_RULE_MAX, NULL) < 0)
		return -EBADMSG;
	judged = rule_judge(attrs[NFTA_RULE_EXPRESSIONS], rules->packet);
	if (judged.effect == RULE_NONE)
		return 0;
	item = LIST_ADD(rules);
	if (!item)
		return -ENOMEM;
	*item = judged;
	return 0;
}

struct walk {
	struct netlink *nl;
	const struct forwarded_packet *packet;
	struct forward_drop *place;
	size_t rules; /* so many were looked at */
};

enum walked {
	WALK_ENDS_HERE,
	WALK_ACCEPTED,
	WALK_DROPPED,
	WALK_LOST
};

static void program_tell(struct forward_drop *place, const char *chain)
{
	place->of_docker |= strncmp(chain, "DOCKER", strlen("DOCKER")) == 0;
	place->of_ufw |= strncmp(chain, "ufw", strlen("ufw")) == 0;
}

static void perhaps_drops(struct forward_drop *place, const char *chain)
{
	if (!place->perhaps)
		memcpy(place->by, chain, strlen(chain) + 1);
	place->perhaps = true;
}

/* What isn't known of the way to a chain. */
struct doubt {
	bool unsure; /* whether the packet comes there */
	bool of_some; /* by what differs from packet to packet */
};

static int chain_walk(struct walk *walk, const char *chain, struct doubt before,
		      unsigned int depth, struct cni_error *err);

/* Returns an enum walked, or -errno. */
static int rules_walk(struct walk *walk, const struct judged_rules *rules,
		      const char *chain, struct doubt before, unsigned int depth,
		      struct cni_error *err)
{
	struct forward_drop *place = walk->place;

	for (size_t i = 0; i < rules->n; i++) {
		const struct rule_judged *rule = &rules->items[i];
		const struct doubt doubt = {
			.unsure = before.unsure || rule->unsure,
			.of_some = before.of_some || (rule->unsure && rule->of_some),
		};
		int ret;

		switch (rule->effect) {
		case RULE_ACCEPTS:
			if (!doubt.unsure)
				return WALK_ACCEPTED;
			place->unsure = true;
			break;
		case RULE_ANYTHING:
			place->unsure = true;
			if (!doubt.of_some)
				perhaps_drops(place, chain);
			break;
		case RULE_DROPS:
			if (doubt.unsure) {
				if (!doubt.of_some)
					perhaps_drops(place, chain);
				break;
			}
			place->perhaps = false;
			memcpy(place->by, chain, strlen(chain) + 1);
			return WALK_DROPPED;
		case RULE_RETURNS:
			if (!doubt.unsure)
				return WALK_ENDS_HERE;
			/* A packet may not come to the rules behind this one. */
			before.unsure = true;
			break;
		case RULE_JUMPS:
		case RULE_GOES:
			program_tell(place, rule->chain);
			ret = chain_walk(walk, rule->chain, doubt, depth + 1, err);
			if (ret != WALK_ENDS_HERE)
				return ret;
			if (rule->effect == RULE_GOES && !doubt.unsure)
				return WALK_ENDS_HERE;
			before.unsure |= rule->effect == RULE_GOES;
			break;
		case RULE_NONE:
			break;
		}
	}
	return WALK_ENDS_HERE;
}

static int chain_walk(struct walk *walk, const char *chain, struct doubt before,
		      unsigned int depth, struct cni_error *err)
{
	struct judged_rules rules = {.packet = walk->packet};
	struct builder b;
	int ret;

	if (depth > DEPTH_MAX || walk->rules > RULES_MAX)
		return WALK_LOST;
	b = begin_nfnl(walk->nl,
		       netlink_queue(walk->nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETRULE),
				     NLM_F_DUMP, "reading the rules of table %s",
				     walk->place->table),
		       walk->place->family);
	put_string(b, NFTA_RULE_TABLE, walk->place->table);
	put_string(b, NFTA_RULE_CHAIN, chain);
	ret = netlink_request(walk->nl, rule_read, &rules, ENOENT, err);
	walk->rules += rules.n + 1;
	if (ret >= 0)
		ret = rules_walk(walk, &rules, chain, before, depth, err);
	free(rules.items);
	return ret;
}

static bool has_family(const struct forward_drop *place,
		       const struct forwarded_packet *packet)
{
	return place->family == NFPROTO_INET ||
	       (place->family == NFPROTO_IPV4) == (packet->from.family == AF_INET);
}

/* Adds the chain to the list where it drops the packet. */
static int base_walk(struct netlink *nl, const struct forwarded_packet *packet,
		     struct base_chain *chain, struct forward_drop_list *list,
		     struct cni_error *err)
{
	struct walk walk = {nl, packet, &chain->place, 0};
	struct forward_drop *drop;
	int ret;

	chain->place.of_firewalld = strcmp(chain->place.table, "firewalld") == 0;
	ret = chain_walk(&walk, chain->place.chain, (struct doubt){}, 0, err);
	if (ret < 0)
		return ret;
	if (ret == WALK_LOST)
		perhaps_drops(&chain->place, chain->place.chain);
	if (ret == WALK_ENDS_HERE && chain->policy_drops) {
		chain->place.perhaps = false;
		chain->place.by[0] = '\0';
	}
	if (!chain->place.perhaps &&
	    (ret == WALK_ACCEPTED || (ret == WALK_ENDS_HERE && !chain->policy_drops)))
		return 0;
	drop = LIST_ADD(list);
	if (!drop)
		return error_oom(err);
	*drop = chain->place;
	return 0;
}

int nft_forward_drops(struct netlink *nl, const struct forwarded_packet *packet,
		      const char *except, struct forward_drop_list *ret_list,
		      struct cni_error *err)
{
	struct base_chain_list chains = {};
	struct forward_drop_list list = {};
	int ret = chains_get(nl, &chains, err);

	for (size_t i = 0; ret == 0 && i < chains.n; i++)
		if (has_family(&chains.items[i].place, packet) &&
		    strcmp(chains.items[i].place.table, except) != 0)
			ret = base_walk(nl, packet, &chains.items[i], &list, err);
	free(chains.items);
	if (ret < 0) {
		free(list.items);
		return ret;
	}
	*ret_list = list;
	return 0;
}
