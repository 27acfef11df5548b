/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of the reference plugins that have outlived their pods. Those of pods that live,
 * theirs or ours in a chain with their portmap, are no finding. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "finding.h"
#include "plugin/netlink/route.h"
#include "plugin/node/kernel_has.h"
#include "reference_rules.h"

/* A command removes so many rules at most; the next run has the others. */
#define REMOVED_MAX 32

#define OF_POD	 "CNI-"
#define OF_PORTS "CNI-DN-"

/* Has the plugins' name for the attachment's rules been made of these? */
static bool is_of(const struct reference_rule *rule, const char *network,
		  const char *container_id, const char *ifname)
{
	char chain[REFERENCE_CHAIN_MAX], comment[REFERENCE_COMMENT_MAX];

	if (rule->chain[0]) {
		/* Both names have digits of the same hash: that of ports has fewer. */
		bool ports = strncmp(rule->chain, OF_PORTS, strlen(OF_PORTS)) == 0;
		const char *digits = rule->chain + strlen(ports ? OF_PORTS : OF_POD);

		identity_reference_chain(network, container_id, chain);
		return strncmp(chain + strlen(OF_POD), digits, strlen(digits)) == 0;
	}
	if (strcmp(rule->comment, container_id) == 0)
		return true;
	identity_reference_comment(network, container_id, ifname, comment);
	return strncmp(rule->comment, comment, strlen(comment)) == 0;
}

/* Is the prefix a subnet of the network's, or a part of one? */
static bool is_within(const struct network *network, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < network->ipam.sets.n; i++)
		for (size_t k = 0; k < network->ipam.sets.items[i].n; k++) {
			const struct ip_prefix *subnet =
				&network->ipam.sets.items[i].ranges[k].subnet;

			if (prefix->len >= subnet->len &&
			    prefix_contains(subnet, &prefix->addr))
				return true;
		}
	return false;
}

static bool is_in(const struct network *network, const struct ip_addr *addr)
{
	return is_within(network, &(struct ip_prefix){*addr, ip_bits(addr->family)});
}

/* Has a network of another name, in the same store or the default one, reserved the
 * address? Its pod lives, then, as far as is known. */
static bool is_reserved_in(const char *data_dir, const char *except,
			   const struct ip_addr *addr)
{
	DIR *directory = opendir(data_dir);
	const struct dirent *entry;
	bool found = false;

	while (!found && directory && (entry = readdir(directory))) {
		_cleanup_(free_p) char *path = NULL;

		if (entry->d_name[0] == '.' || strcmp(entry->d_name, except) == 0)
			continue;
		if (asprintf(&path, "%s/%s/%s", data_dir, entry->d_name, IP_TEXT(addr)) <
		    0)
			path = NULL;
		found = !path || access(path, F_OK) == 0;
	}
	if (directory)
		closedir(directory);
	return found;
}

static bool is_reserved_elsewhere(const struct network *network,
				  const struct ip_addr *addr)
{
	const char *own = network->ipam.data_dir ? network->ipam.data_dir
						 : DEFAULT_DATA_DIR;

	return is_reserved_in(own, network->name, addr) ||
	       (strcmp(own, DEFAULT_DATA_DIR) != 0 &&
		is_reserved_in(DEFAULT_DATA_DIR, network->name, addr));
}

/* Has the rule's pod a record of ours, or a reservation? */
static bool lives(const struct network_facts *facts, const struct reference_rule *rule)
{
	const char *network = facts->net->network->name;

	for (size_t i = 0; i < facts->view.records.n; i++) {
		const struct record *record = &facts->view.records.items[i].record;

		if (is_of(rule, network, record->container_id, record->ifname))
			return true;
	}
	for (size_t i = 0; i < facts->view.others.n; i++) {
		const struct ipam_view_other *other = &facts->view.others.items[i];

		if (is_of(rule, network, other->container_id, other->ifname))
			return true;
	}
	return false;
}

/* The pod of ours that has the address now; NULL: none has. */
static const struct record *owner_now(const struct network_facts *facts,
				      const struct ip_addr *addr)
{
	for (size_t i = 0; i < facts->view.records.n; i++) {
		const struct ipam_view_record *item = &facts->view.records.items[i];

		for (size_t k = 0;
		     item->state == IPAM_VIEW_CONNECTED && k < item->record.n; k++)
			if (ip_equal(&item->record.addresses[k].address.addr, addr))
				return &item->record;
	}
	return NULL;
}

/* Whether a reservation is of a living pod can't be told where they aren't all known. */
static bool is_known(const struct ipam_view *view)
{
	return !view->records_errnum && !view->reservations_errnum &&
	       view->others.n == view->others_n && !view->torn && !view->newer &&
	       !view->unreadable;
}

/* Has the bridge a pod's port that isn't ours? Its pod's address is not known here. */
static bool has_others_ports(const struct network_facts *facts)
{
	struct alias_names names;

	for (size_t i = 0; facts->bridge && i < facts->links.n; i++) {
		const struct link *link = &facts->links.items[i];

		if (link->master == facts->bridge->index && link_is(link, "veth") &&
		    !identity_alias_read(link->alias, &names))
			return true;
	}
	return false;
}

/* Does a route of pods, not a wider one, lead to the address past our bridge? */
static bool is_routed_elsewhere(const struct network_facts *facts,
				const struct ip_addr *addr)
{
	struct kernel_route_list routes = {};
	bool found = false;

	if (route_to(facts->net->op->node.rtnl, addr, &routes, NULL) < 0)
		return true;
	for (size_t i = 0; i < routes.n; i++) {
		const struct kernel_route *route = &routes.items[i];
		bool is_ours = (facts->bridge && route->index == facts->bridge->index) ||
			       (facts->gateway && route->index == facts->gateway->index);

		found |= !is_ours && is_within(facts->net->network, &route->route.dst);
	}
	kernel_route_list_clear(&routes);
	return found;
}

/* May a pod have the address whose reservation is in a store that isn't known here? */
static bool may_live(const struct network_facts *facts, const struct ip_addr *addr)
{
	return !owner_now(facts, addr) &&
	       (has_others_ports(facts) || is_routed_elsewhere(facts, addr));
}

/* Rules of one kind, in one place, whose pods are dead; or may be. */
struct dead {
	const struct reference_rule *items[REMOVED_MAX]; /* the first ones */
	size_t n; /* so many are there */
	const struct record *harmed; /* a pod that has the address now */
	const struct reference_rule *example;
};

static const char *family_name(int family)
{
	return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV4 ? "ip" : "ip6";
}

/* Does one of the rules from @from up to @to lead to the chain of the rule @i as well? A
 * chain goes with the last rule that leads there. */
static bool shares_chain(const struct dead *dead, size_t i, size_t from, size_t to)
{
	for (size_t k = from; k < to; k++)
		if (dead->items[k]->family == dead->items[i]->family &&
		    strcmp(dead->items[k]->chain, dead->items[i]->chain) == 0)
			return true;
	return false;
}

static void nft_command(struct doctor *doctor, const struct dead *dead, size_t n)
{
	struct text text = {};

	for (size_t i = 0; i < n; i++) {
		const struct reference_rule *rule = dead->items[i];
		const char *family = family_name(rule->family);

		text_add(&text, "%sdelete rule %s %s %s handle %" PRIu64, i ? "; " : "",
			 family, rule->table, rule->in_chain, rule->handle);
		if (rule->chain[0] && !shares_chain(dead, i, i + 1, n))
			text_add(&text, "; flush chain %s %s %s; delete chain %s %s %s",
				 family, rule->table, rule->chain, family, rule->table,
				 rule->chain);
	}
	if (text.failed || !text.text)
		doctor->out_of_memory = true;
	else
		doctor_command(doctor, "nft", text.text);
	free(text.text);
}

/* Removes the chains, and the rules that lead to them, at once. What deletes a rule is
 * made of the rule as iptables lists it then: its number changes with other rules. All is
 * listed before iptables-restore begins, which holds iptables' lock. */
static void legacy_family(struct text *text, const struct dead *dead, size_t n,
			  int family)
{
	const char *program = family == NFPROTO_IPV4 ? "iptables-legacy"
						     : "ip6tables-legacy";
	struct text names = {}, flushed = {}, deleted = {};

	for (size_t i = 0; i < n; i++) {
		const char *chain = dead->items[i]->chain;

		if (dead->items[i]->family != family || shares_chain(dead, i, i + 1, n))
			continue;
		text_add(&names, "%s%s", names.len ? "|" : "", chain);
		text_add(&flushed, " '-F %s'", chain);
		text_add(&deleted, " '-X %s'", chain);
	}
	if (names.failed || flushed.failed || deleted.failed)
		text->failed = true;
	else if (names.len)
		text_add(text,
			 "%srules=$(%s -t nat -S | sed -nE '/ -[jg] (%s)$/s/^-A/-D/p') "
			 "&& printf '%%s\\n' '*nat' \"$rules\"%s%s COMMIT | "
			 "%s-restore --noflush",
			 text->len ? " && " : "", program, names.text, flushed.text,
			 deleted.text, program);
	free(names.text);
	free(flushed.text);
	free(deleted.text);
}

static void legacy_command(struct doctor *doctor, const struct dead *dead, size_t n)
{
	struct text text = {};

	legacy_family(&text, dead, n, NFPROTO_IPV4);
	legacy_family(&text, dead, n, NFPROTO_IPV6);
	if (text.failed || !text.text)
		doctor->out_of_memory = true;
	else
		doctor_command_line(doctor, text.text);
	free(text.text);
}

static const char *const verbs[REFERENCE_KINDS][2] = {
	[REFERENCE_MASQUERADES] = {"masquerades", "masquerade"},
	[REFERENCE_LEADS] = {"leads host ports to", "lead host ports to"},
};

/* A ping doesn't settle it, as a pod may answer none. */
static void unsure_tell(struct doctor *doctor, const struct network_facts *facts,
			enum reference_kind kind, bool legacy, const struct dead *unsure)
{
	doctor_tell(doctor, DOCTOR_WARNING,
		    "%zu rule%s of the reference plugins in table %s%s %s a pod, %s%s, "
		    "that no store which was read has a reservation of: it is gone, or "
		    "has its reservation in another dataDir, or from another plugin",
		    unsure->n, unsure->n == 1 ? "" : "s", unsure->example->table,
		    legacy ? " of iptables-legacy" : "",
		    verbs[kind][unsure->n == 1 ? 0 : 1], IP_TEXT(&unsure->example->pod),
		    unsure->n == 1 ? "" : " for example");
	doctor_advise(doctor,
		      "where the pod lives, leave the rules; otherwise run doctor again "
		      "once %s has only pods of bridge-cni: it gives the command that "
		      "removes them then",
		      facts->net->bridge);
}

static void dead_tell(struct doctor *doctor, enum reference_kind kind, bool legacy,
		      const struct dead *dead)
{
	const struct record *harmed = dead->harmed;
	bool leads = kind == REFERENCE_LEADS;
	size_t n = dead->n < REMOVED_MAX ? dead->n : REMOVED_MAX;
	const char *whose = !harmed	     ? "the next pod with such an address"
			    : harmed->pod[0] ? harmed->pod
					     : harmed->container_id;

	doctor_tell(
		doctor, leads && harmed ? DOCTOR_PROBLEM : DOCTOR_WARNING,
		"%zu rule%s of the reference plugins in table %s%s %s a pod that is "
		"gone, %s%s: %s%s%s %s",
		dead->n, dead->n == 1 ? "" : "s", dead->example->table,
		legacy ? " of iptables-legacy" : "", verbs[kind][dead->n == 1 ? 0 : 1],
		IP_TEXT(&dead->example->pod), dead->n == 1 ? "" : " for example",
		harmed ? "pod " : "", whose, harmed ? ", which has the address now," : "",
		leads ? "gets what is sent there" : "is masqueraded wherever it sends");
	if (legacy)
		legacy_command(doctor, dead, n);
	else
		nft_command(doctor, dead, n);
	doctor_command_lasts(doctor);
}

static void dead_add(struct dead *dead, const struct reference_rule *rule,
		     const struct record *owner)
{
	if (dead->n < REMOVED_MAX)
		dead->items[dead->n] = rule;
	dead->n++;
	if (!dead->example || (owner && !dead->harmed)) {
		dead->example = rule;
		dead->harmed = owner;
	}
}

static void kind_look(struct doctor *doctor, const struct network_facts *facts,
		      const struct reference_rule_list *list, enum reference_kind kind,
		      bool legacy)
{
	struct dead dead = {}, unsure = {};

	for (size_t i = 0; i < list->n; i++) {
		const struct reference_rule *rule = &list->items[i];

		if (rule->kind != kind || rule->legacy != legacy ||
		    !is_in(facts->net->network, &rule->pod) || lives(facts, rule) ||
		    is_reserved_elsewhere(facts->net->network, &rule->pod))
			continue;
		dead_add(may_live(facts, &rule->pod) ? &unsure : &dead, rule,
			 owner_now(facts, &rule->pod));
	}
	if (dead.n > 0)
		dead_tell(doctor, kind, legacy, &dead);
	if (unsure.n > 0)
		unsure_tell(doctor, facts, kind, legacy, &unsure);
}

static int rules_read(struct reference_rule_list *ret_list, struct cni_error *err)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct nft_ruleset nft = {};
	int ret = 0;

	if (kernel_has_nf_tables())
		ret = netlink_open(NETLINK_FOR_NFTABLES, &nl, err);
	nft.nl = nl;
	if (ret == 0)
		ret = reference_rules_read(nl ? &nft : NULL, ret_list, err);
	nft_ruleset_clear(&nft);
	/* A kernel without nf_tables has no rules of it. */
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

void reference_check(struct doctor *doctor, const struct network_facts *facts)
{
	struct reference_rule_list list = {};
	struct cni_error err = {};

	if (facts->net->network->ipam.sets.n == 0 || !is_known(&facts->view) ||
	    !switch_has_bridge(facts->net->switch_kind))
		return;
	if (rules_read(&list, &err) < 0)
		doctor_unseen(doctor, "rules of the reference plugins", &err);
	for (size_t kind = 0; kind < REFERENCE_KINDS; kind++)
		for (int legacy = 0; legacy < 2; legacy++)
			kind_look(doctor, facts, &list, kind, legacy);
	free(list.items);
}
