/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Removes what the reference plugins left of a pod that was theirs: its interface, and
 * their masquerading rules, which would masquerade the next pod that has the address.
 * Only DEL does so, and only where the pod had neither an interface nor a record of this
 * program. The reference's reservation is ipam's to give back; its shared table and base
 * chains stay.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <string.h>
#include <sys/socket.h>

#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/nft/nft.h"
#include "plugin/nft/rules.h"
#include "plugin/node/iptables_legacy.h"
#include "stages.h"

#define TRIES_MAX 3 /* more than one, as others may remove the same rules */

struct family {
	int domain, protocol;
	const char *nft; /* family of the table nat, as nft names it */
	const char *iptables;
};

static const struct family families[] = {
	{AF_INET, NFPROTO_IPV4, "ip", "iptables"},
	{AF_INET6, NFPROTO_IPV6, "ip6", "ip6tables"},
};

/* The commands that remove the rules that were found. */
struct removal {
	struct text text;
	size_t settled; /* so much of the text stays when a dump starts again */
	const char *chain; /* the chain that is being read, as nft names it */
	/* only rules whose comment starts so are taken; "": all are */
	const char *comment;
};

static int rule_found(const char *chain, uint64_t handle, const char *comment, void *data)
{
	struct removal *removal = data;

	(void)chain;
	if (handle == 0)
		text_cut(&removal->text, removal->settled);
	else if (strncmp(comment, removal->comment, strlen(removal->comment)) == 0)
		text_add(&removal->text, "delete rule %s handle %" PRIu64 "\n",
			 removal->chain, handle);
	return 0;
}

/* Finds what iptables-nft has made: a chain of the container's own, and a rule for each
 * address that leads there. */
static int chain_find(struct netlink *nl, const struct family *family, const char *chain,
		      struct removal *removal, struct cni_error *err)
{
	bool exists;
	int ret;

	ret = nft_exists(nl, family->protocol, "nat", chain, &exists, err);
	if (ret < 0 || !exists)
		return ret;
	removal->settled = removal->text.len;
	removal->chain = family->domain == AF_INET ? "ip nat POSTROUTING"
						   : "ip6 nat POSTROUTING";
	removal->comment = "";
	ret = nft_chain_jumps(nl, family->protocol, "nat", "POSTROUTING", chain,
			      rule_found, removal, err);
	if (ret < 0)
		return ret;
	text_add(&removal->text, "flush chain %s nat %s\n", family->nft, chain);
	text_add(&removal->text, "delete chain %s nat %s\n", family->nft, chain);
	return 0;
}

/* Finds what the reference's nftables backend has made: rules in one chain for all pods,
 * told apart by their comments. */
static int rules_find(const struct attachment *att, struct netlink *nl,
		      struct removal *removal, struct cni_error *err)
{
	char comment[REFERENCE_COMMENT_MAX];

	identity_reference_comment(att->network->name, att->pod->container_id,
				   att->pod->ifname, comment);
	removal->settled = removal->text.len;
	removal->chain = "inet cni_plugins_masquerade masq_checks";
	removal->comment = comment;
	return nft_chain_rules(nl, NFPROTO_INET, "cni_plugins_masquerade", "masq_checks",
			       rule_found, removal, err);
}

static int find_all(const struct attachment *att, const char *chain, char **ret_text,
		    struct cni_error *err)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct removal removal = {};
	int ret;

	ret = netlink_open(NETLINK_FOR_NFTABLES, &nl, err);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(families); i++)
		ret = chain_find(nl, &families[i], chain, &removal, err);
	if (ret == 0)
		ret = rules_find(att, nl, &removal, err);
	if (ret == 0 && removal.text.failed)
		ret = error_oom(err);
	if (ret == 0 && removal.text.len > 0)
		*ret_text = TAKE_PTR(removal.text.text);
	free(removal.text.text);
	/* A kernel without nfnetlink or nf_tables has no such rules. */
	if (ret == -EPROTONOSUPPORT || ret == -EINVAL)
		ret = error_clear(err);
	return ret;
}

static void legacy_notice(struct attachment *att, const char *chain)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const char *iptables = families[i].iptables;

		if (!iptables_legacy_has_chain(families[i].domain, chain))
			continue;
		notice(&att->op->notices,
		       "chain %s, made by another plugin to masquerade container %s, is "
		       "left in table nat of %s-legacy, which nftables doesn't reach; to "
		       "remove it: %s-legacy -t nat -S POSTROUTING | sed -n "
		       "'/-j %s$/s/^-A/%s-legacy -t nat -D/p' | sh; "
		       "%s-legacy -t nat -F %s; %s-legacy -t nat -X %s",
		       chain, att->pod->container_id, iptables, iptables, chain, iptables,
		       iptables, chain, iptables, chain);
	}
}

/*
 * Deletes a pod's interface that another plugin made, whose end on the node has a random
 * name. It is CNI_IFNAME in the pod if it is a veth whose other end is a port of this
 * bridge.
 */
static int foreign_del(struct attachment *att, struct cni_error *err)
{
	struct node *node = &att->op->node;
	struct link inside, outside, bridge;
	int ret;

	if (!att->pod->netns[0])
		return 0;
	/* Mostly the namespace is gone. */
	if (attachment_open_pod(att, err) < 0)
		return error_clear(err);
	ret = link_get(att->pod_ns.rtnl, att->pod->ifname, &inside, err);
	if (ret < 0 || !inside.index || !link_is(&inside, "veth"))
		return ret;
	ret = link_get_by_index(node->rtnl, inside.peer, &outside, err);
	if (ret < 0 || !outside.index || outside.peer != inside.index || !outside.master)
		return ret;
	/* Another ADD of this program made it, for another container or on another
	 * network. */
	if (strncmp(outside.alias, LINK_ALIAS_PREFIX, strlen(LINK_ALIAS_PREFIX)) == 0)
		return 0;
	ret = link_get_by_index(node->rtnl, outside.master, &bridge, err);
	if (ret < 0 || strcmp(bridge.name, att->bridge) != 0)
		return ret;
	/* The pod's end is deleted: what is known of the interface was chosen in the pod,
	 * which so can harm only itself. */
	queue_link_del(att->pod_ns.rtnl, att->pod->ifname);
	ret = netlink_commit(att->pod_ns.rtnl, err);
	/* Another DEL of the same pod was quicker. */
	return ret == -ENODEV ? error_clear(err) : ret;
}

static int rules_del(struct attachment *att, struct cni_error *err)
{
	char chain[REFERENCE_CHAIN_MAX];
	int ret = 0;

	identity_reference_chain(att->network->name, att->pod->container_id, chain);
	for (int i = 0; i < TRIES_MAX; i++) {
		_cleanup_(free_p) char *text = NULL;

		error_clear(err);
		ret = find_all(att, chain, &text, err);
		if (ret < 0 || !text)
			break;
		/* The deletion fails when somebody else was quicker. Then the next search
		 * finds nothing. */
		ret = nft_apply(text, att->op->node.lock_fd, err);
		if (ret == 0)
			break;
	}
	legacy_notice(att, chain);
	return ret;
}

/* Goes on past an error, as DEL does. */
static int leftovers_del(struct attachment *att, struct cni_error *err)
{
	struct cni_error rules_err = {};
	int ret, rules_ret;

	/* An ADD, which has the namespace open, undoes what it has made. Nothing of the
	 * reference's is among that. */
	if (att->pod_ns.rtnl || att->had_own_veth || att->record)
		return 0;
	ret = foreign_del(att, err);
	rules_ret = rules_del(att, &rules_err);
	if (ret < 0 || rules_ret == 0)
		return ret;
	error_copy(err, &rules_err);
	return rules_ret;
}

const struct stage stage_reference_leftovers = {
	.name = "reference",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.del = leftovers_del,
};
