/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes a network off this node. What somebody else may use stays: a bridge that was not
 * made here, or that has ports of others; forwarding, on which others have come to rely;
 * the node lock's files, which an operation may have open.
 */
#include "cleanup.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/kernel.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/route.h"
#include "plugin/nft/rules_remove.h"
#include "plugin/stage/bridge_mac.h"
#include "plugin/stage/bridge_alias.h"
#include "plugin/stage/isolate.h"
#include "plugin/stage/neighbours_left.h"
#include "plugin/stage/portmap_elements.h"
#include "plugin/stage/portmap_localnet.h"
#include "plugin/stage/reclaim.h"
#include "plugin/stage/stages.h"
#include "plugin/stage/vlan.h"
#include "gc.h"
#include "owner_links.h"

#define NAMED_MAX 10 /* the most attachments that a message names */

/* Two words of a message. */
#define PLACE(bridge) switch_place_what(bridge), switch_place_word(bridge)

/* Names for a message. Those that don't fit are counted. */
struct names {
	char text[ERROR_MSG_MAX / 2];
	size_t len, n;
};

static void names_add(struct names *names, const char *what, const char *name,
		      const char *more)
{
	size_t room = sizeof(names->text) - names->len;
	int len;

	if (names->n++ >= NAMED_MAX)
		return;
	len = snprintf(names->text + names->len, room, "%s%s %s%s%s",
		       names->n > 1 ? ", " : "", what, name, *more ? " " : "", more);
	names->len += len > 0 && (size_t)len < room ? (size_t)len : 0;
	names->text[names->len] = '\0';
}

/* By the pod's name, which kubectl knows, where its record has that. */
static void names_add_holder(struct names *names, const struct ipam_holder *holder)
{
	bool named = holder->pod[0];

	names_add(names, named ? "pod" : "container",
		  named ? holder->pod : holder->container_id, holder->ifname);
}

/* Names the attachments with a record or a reservation, and interfaces that have
 * neither. */
static int left_find(struct attachment *net, struct names *names, struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list holders = {};
	_cleanup_(link_list_clear) struct link_list links = {};
	int ret = ipam_holders(&net->ipam_env, &holders, err);

	if (ret == 0)
		ret = link_list_get(net->op->node.rtnl, &links, err);
	for (size_t i = 0; ret == 0 && i < holders.n; i++)
		names_add_holder(names, &holders.items[i]);
	for (size_t i = 0; ret == 0 && i < links.n; i++)
		if (link_is_of_owner(net, &links.items[i]) &&
		    !link_is_of_holder(net, &holders, &links.items[i]))
			names_add(names, "interface", links.items[i].name, "");
	return ret;
}

static int left_refuse(struct attachment *net, const char *what_helps,
		       struct cni_error *err)
{
	struct names names = {};
	int ret = left_find(net, &names, err);

	if (ret < 0 || names.n == 0)
		return ret;
	if (names.n > NAMED_MAX)
		return error_set(err, CNI_ERR_EXISTS, EBUSY,
				 "%zu attachments are left on network %s (%s %s, "
				 "dataDir %s): %s and others; %s",
				 names.n, net->network->name, PLACE(net->bridge),
				 net->network->ipam.data_dir, names.text, what_helps);
	return error_set(err, CNI_ERR_EXISTS, EBUSY,
			 "%zu attachment%s left on network %s (%s %s, dataDir %s): "
			 "%s; %s",
			 names.n, names.n > 1 ? "s are" : " is", net->network->name,
			 PLACE(net->bridge), net->network->ipam.data_dir, names.text,
			 what_helps);
}

/* Can the attachment be this owner's, with nothing held elsewhere? A record tells, or
 * else an interface of this program's. */
static bool is_own(struct attachment *net, const struct link_list *links,
		   const struct ipam_holder *holder)
{
	_cleanup_(record_clear) struct record record = {};
	bool own = true;
	struct pod pod;

	pod_name_only(net->network, holder->container_id, holder->ifname, &pod);
	if (ipam_record_read(&net->ipam_env, &pod, &record, NULL) == 0) {
		for (size_t i = 0; i < record.n; i++)
			own = own && record.addresses[i].reserved;
		return own || !ipam_in_process(net->network);
	}
	for (size_t i = 0; i < links->n; i++)
		if (link_is_of_pod(net, holder->container_id, holder->ifname,
				   &links->items[i]))
			return true;
	return false;
}

/* Refuses a network that no configuration claims, where its attachments may be another
 * program's, or have addresses of an IPAM plugin that nothing names. */
static int strangers_refuse(struct attachment *net, struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list holders = {};
	_cleanup_(link_list_clear) struct link_list links = {};
	struct names names = {};
	int ret = ipam_holders(&net->ipam_env, &holders, err);

	if (ret == 0)
		ret = link_list_get(net->op->node.rtnl, &links, err);
	for (size_t i = 0; ret == 0 && i < holders.n; i++)
		if (!is_own(net, &links, &holders.items[i]))
			names_add_holder(&names, &holders.items[i]);
	if (ret < 0 || names.n == 0)
		return ret;
	return error_set(err, CNI_ERR_EXISTS, EBUSY,
			 "network %s (%s %s, dataDir %s): %zu attachment%s may be "
			 "another program's, or have addresses of another IPAM plugin: "
			 "%s%s; name a FILE with the network's configuration to clean up "
			 "all the same",
			 net->network->name, PLACE(net->bridge),
			 net->network->ipam.data_dir, names.n, names.n > 1 ? "s" : "",
			 names.text, names.n > NAMED_MAX ? " and others" : "");
}

/* Deletes all of them, by the code that DEL and GC run. */
static int left_delete(struct attachment *net, struct cni_error *err)
{
	const struct valid_set none = {.given = true};
	struct names names = {};
	int ret = left_find(net, &names, err);

	if (ret < 0 || names.n == 0)
		return ret;
	ret = gc_collect(net, &none, err);
	if (ret < 0)
		return ret;
	report_done(net, "deleted %zu attachment%s: %s%s", names.n,
		    names.n > 1 ? "s" : "", names.text,
		    names.n > NAMED_MAX ? " and others" : "");
	/* A delegated IPAM's DEL runs without the lock. */
	ret = node_lock(&net->op->node, NODE_EXCLUSIVE, err);
	return ret < 0 ? ret : left_refuse(net, "they came meanwhile: try again", err);
}

/* Is it the port that the gateway of a VLAN (BRIDGE.VLAN) hangs on? Its name follows from
 * the gateway's. */
static bool is_vlan_port(const struct attachment *net, const struct link_list *links,
			 const struct link *link)
{
	char name[IF_NAMESIZE];

	for (size_t i = 0; link_is(link, "veth") && i < links->n; i++) {
		const struct link *gateway = &links->items[i];

		if (gateway->index != link->peer ||
		    !vlan_is_of_bridge(net->bridge, gateway))
			continue;
		identity_vlan_port(gateway->name, name);
		return strcmp(link->name, name) == 0;
	}
	return false;
}

/* Removes routes to the subnets of link-local gateways, which don't go with the
 * address. */
static int subnet_routes_remove(struct attachment *net, const struct link *link,
				struct cni_error *err)
{
	struct kernel_route_list list = {};
	int ret = route_list_get(net->op->node.rtnl, AF_INET6, &list, err);

	for (size_t i = 0; ret == 0 && i < list.n; i++)
		if (list.items[i].index == link->index &&
		    ipam_gateway_is_ours(&net->ipam_env, link->name,
					 &list.items[i].route.dst))
			queue_route_del(net->op->node.rtnl, &list.items[i]);
	kernel_route_list_clear(&list);
	return ret < 0 ? ret : netlink_commit(net->op->node.rtnl, err);
}

static int gateways_remove(struct attachment *net, const struct link *link,
			   struct cni_error *err)
{
	struct netlink *nl = net->op->node.rtnl;
	struct addr_list list = {};
	bool routes = false;

	/* The rules that guard 127.0.0.0/8 are gone by now. */
	int ret = localnet_remove(net, link, err);

	if (ret == 0)
		ret = addr_list_get(nl, link->index, AF_UNSPEC, &list, err);
	/* The last one goes first: with a subnet's first address the kernel removes its
	 * later ones. */
	for (size_t i = ret == 0 ? list.n : 0; i-- > 0;) {
		if (!ipam_gateway_is_ours(&net->ipam_env, link->name, &list.items[i]))
			continue;
		routes = routes || ip_is_link_local6(&list.items[i].addr);
		queue_addr_del(nl, link->index, link->name, &list.items[i]);
		report_done(net, "removed the gateway address %s from %s",
			    PREFIX_TEXT(&list.items[i]), link->name);
	}
	addr_list_clear(&list);
	if (ret == 0)
		ret = netlink_commit(nl, err);
	return ret < 0 || !routes ? ret : subnet_routes_remove(net, link, err);
}

/* The ports that keep the bridge from being removed; "": none. */
struct bridge_users {
	char stranger[IF_NAMESIZE]; /* a port that nobody here made */
	char pod[IF_NAMESIZE]; /* another network's */
};

static struct bridge_users users_find(const struct attachment *net,
				      const struct link_list *links, unsigned int bridge)
{
	struct bridge_users users = {};

	for (size_t i = 0; bridge && i < links->n; i++) {
		const struct link *link = &links->items[i];
		bool ours = strncmp(link->alias, LINK_ALIAS_PREFIX,
				    strlen(LINK_ALIAS_PREFIX)) == 0;

		if (link->master == bridge && !is_vlan_port(net, links, link))
			memcpy(ours ? users.pod : users.stranger, link->name,
			       IF_NAMESIZE);
	}
	return users;
}

static const struct link *link_find(const struct link_list *links, const char *name)
{
	for (size_t i = 0; i < links->n; i++)
		if (strcmp(links->items[i].name, name) == 0)
			return &links->items[i];
	return NULL;
}

static int links_remove(struct attachment *net, const struct link_list *links,
			const struct link *bridge, struct cni_error *err)
{
	struct netlink *nl = net->op->node.rtnl;
	int ret = 0;

	for (size_t i = 0; i < links->n; i++) {
		if (!is_vlan_port(net, links, &links->items[i]))
			continue;
		queue_link_del(nl, links->items[i].name);
		report_done(net, "removed a VLAN's gateway, with its port %s",
			    links->items[i].name);
	}
	if (bridge) {
		queue_link_del(nl, bridge->name);
		report_done(net, "removed the bridge %s", bridge->name);
	}
	ret = netlink_commit(nl, err);
	return ret == -ENODEV ? error_clear(err) : ret;
}

static int bridge_remove(struct attachment *net, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	const struct link *bridge;
	struct bridge_users users;
	int ret = link_list_get(net->op->node.rtnl, &links, err);

	if (ret < 0)
		return ret;
	bridge = link_find(&links, net->bridge);
	/* It has only got the gateway's addresses here. */
	if (bridge && !link_is(bridge, "bridge"))
		return gateways_remove(net, bridge, err);
	users = users_find(net, &links, bridge ? bridge->index : 0);
	if (users.pod[0]) {
		report_done(net,
			    "left the bridge %s: another network's %s is a port of it",
			    bridge->name, users.pod);
		return 0;
	}
	if (!bridge || (!users.stranger[0] && bridge_has_own_mac(net, bridge)))
		return links_remove(net, &links, bridge, err);
	ret = neighbours_flush(net, err);
	if (ret < 0)
		return ret;
	bridge_alias_remove(net, bridge);
	ret = links_remove(net, &links, NULL, err);
	for (size_t i = 0; ret == 0 && i < links.n; i++)
		if (vlan_is_of_bridge(net->bridge, &links.items[i]))
			ret = gateways_remove(net, &links.items[i], err);
	return ret;
}

/* @by_store: the store's other owners are worked on as well, so nobody is told to do
 * it. */
static int shared_remove(struct attachment *net, bool by_store, struct cni_error *err)
{
	bool rules = false, store = false;
	char other[IF_NAMESIZE] = "";
	int ret = rules_remove(net, &rules, err);

	if (ret == 0 && rules) {
		report_done(net, "removed the rules of pods on %s, dataDir %s",
			    net->bridge, net->network->ipam.data_dir);
		/* An earlier version made these sets. They go once no network's rules
		 * look into them. */
		rules_drop_sets(net, NFPROTO_INET, portmap_nodeips);
		ret = isolate_unused_remove(net, err);
	}
	if (ret == 0)
		ret = bridge_remove(net, err);
	if (ret == 0)
		ret = ipam_other_bridge(&net->ipam_env, other, err);
	if (ret < 0)
		return ret;
	/* The store goes last, as it says what is the network's. */
	if (!other[0])
		ret = ipam_network_remove(&net->ipam_env, &store, err);
	else if (ipam_forget_owner(&net->ipam_env))
		report_done(net, "left its files below %s, which tell of %s %s as well%s",
			    net->network->ipam.data_dir, PLACE(other),
			    by_store ? ""
				     : ": `bridge-cni cleanup` without a FILE removes "
				       "that, too");
	if (ret == 0 && store)
		report_done(net, "removed its files below %s",
			    net->network->ipam.data_dir);
	return ret;
}

static int cleanup(struct attachment *net, const struct cleanup_order *order,
		   struct cni_error *err)
{
	int ret = node_lock(&net->op->node, NODE_EXCLUSIVE, err);

	if (ret == 0)
		ret = ipam_removable(&net->ipam_env, err);
	if (ret == 0)
		ret = reclaim_network(net, err);
	if (ret == 0 && order->by_store)
		ret = strangers_refuse(net, err);
	if (ret == 0)
		ret = order->force ? left_delete(net, err)
				   : left_refuse(net, "delete their pods, or use --force",
						 err);
	return ret < 0 ? ret : shared_remove(net, order->by_store, err);
}

int verb_cleanup(struct attachment *net, const struct cleanup_order *order,
		 struct cni_error *err)
{
	int ret = operation_open(net->op, err);

	if (ret == 0)
		ret = cleanup(net, order, err);
	operation_close(net->op);
	return ret;
}
