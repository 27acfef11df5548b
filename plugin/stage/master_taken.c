/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master_taken.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/netlink/link.h"
#include "plugin/node/pod_signs.h"

#define HOLDER_MAX 1024

/* The search for the link of the master that has the address. */
struct search {
	struct attachment *att;
	struct link master;
	char holder[HOLDER_MAX]; /* in words; "": not found */
};

static struct netlink *master_rtnl(const struct attachment *att)
{
	return att->network->macvlan.in_container ? att->pod_ns.rtnl : att->op->node.rtnl;
}

static bool is_macvlan(const struct attachment *att)
{
	return att->switch_kind == SWITCH_MACVLAN;
}

static bool is_own_mac(const struct attachment *att, const struct mac_addr *mac)
{
	return mac->set && memcmp(mac->bytes, att->container_mac.bytes, MAC_LEN) == 0;
}

/* Has the record one of the addresses that the pod is to have? */
static bool shares_address(const struct attachment *att, const struct record *record)
{
	for (size_t i = 0; i < record->n; i++)
		for (size_t k = 0; k < att->ipam.ips.n; k++)
			if (ip_equal(&record->addresses[i].address.addr,
				     &att->ipam.ips.items[k].address.addr))
				return true;
	return false;
}

/* Looks at a link that is an attachment's by its alias. An ipvlan's IP addresses are in
 * the attachment's record. */
static void attachment_look(struct search *search, const struct alias_names *names)
{
	struct attachment *att = search->att;
	_cleanup_(record_clear) struct record record = {};
	struct ipam_env env = att->ipam_env;
	struct pod pod = {
		.container_id = names->container_id,
		.ifname = names->ifname,
	};
	bool is_recorded;

	env.network = names->network;
	is_recorded = ipam_record_read(&env, &pod, &record, NULL) == 0;
	if (!is_macvlan(att) && !(is_recorded && shares_address(att, &record)))
		return;
	snprintf(search->holder, sizeof(search->holder),
		 "%s%s (network, container, interface: %s %s %s)",
		 is_recorded && record.pod[0] ? "pod " : "a container",
		 is_recorded ? record.pod : "", names->network, names->container_id,
		 names->ifname);
}

/* @where: the link is in that namespace. */
static void link_look(struct search *search, const struct link *link, const char *where)
{
	const struct attachment *att = search->att;
	struct alias_names names;

	if (search->holder[0] || link->peer != search->master.index ||
	    !link_is(link, switch_word(att->switch_kind)) ||
	    (is_macvlan(att) && !is_own_mac(att, &link->mac)))
		return;
	if (identity_alias_read(link->alias, &names)) {
		if (strcmp(names.network, att->network->name) != 0 ||
		    strcmp(names.container_id, att->pod->container_id) != 0 ||
		    strcmp(names.ifname, att->pod->ifname) != 0)
			attachment_look(search, &names);
	} else if (is_macvlan(att)) {
		snprintf(search->holder, sizeof(search->holder), "%s %s", link->name,
			 where);
	}
}

static void holder_find(struct search *search)
{
	struct attachment *att = search->att;
	bool in_pod = att->network->macvlan.in_container;
	_cleanup_(link_list_clear) struct link_list beside = {};
	const struct share_list *shares = NULL;

	if (link_get(master_rtnl(att), att->master_ifname, &search->master, NULL) < 0 ||
	    !search->master.index)
		return;
	if (is_macvlan(att) && is_own_mac(att, &search->master.mac))
		snprintf(search->holder, sizeof(search->holder), "%s itself",
			 search->master.name);
	(void)link_list_get(master_rtnl(att), &beside, NULL);
	for (size_t i = 0; i < beside.n; i++)
		if (!beside.items[i].peer_elsewhere)
			link_look(search, &beside.items[i],
				  in_pod ? "in the pod" : "on the node");
	if (!in_pod)
		shares = pod_signs_shares(&att->op->node);
	for (size_t i = 0; shares && i < shares->n; i++)
		if (shares->items[i].link.peer_elsewhere)
			link_look(search, &shares->items[i].link,
				  "in another network namespace");
}

int master_taken_explain(struct attachment *att, int ret, struct cni_error *err)
{
	struct search search = {.att = att};
	const char *master = att->master_ifname;

	/* Some kernels refuse a macvlan's address with EBUSY. */
	if (!*master || (ret != -EADDRINUSE && (ret != -EBUSY || !is_macvlan(att))))
		return ret;
	holder_find(&search);
	if (!search.holder[0])
		snprintf(search.holder, sizeof(search.holder), "another %s of it",
			 switch_word(att->switch_kind));
	if (is_macvlan(att))
		error_wrap(
			err,
			"the MAC address %s is taken on the master %s: %s has it; ask "
			"for another one (mac), or give each network on %s a subnet of "
			"its own, as the address follows from the pod's IPv4 address",
			MAC_TEXT(&att->container_mac), master, search.holder, master);
	else
		error_wrap(err,
			   "an address of the pod is taken on the master %s: %s has it; "
			   "give the pod another one, or delete that ipvlan",
			   master, search.holder);
	error_recode(err, CNI_ERR_EXISTS);
	return ret;
}
