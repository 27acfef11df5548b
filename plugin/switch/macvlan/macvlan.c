/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the pod's macvlan or ipvlan. It is made in the pod's namespace and has no other
 * end: all that the node knows of it is its master.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/names.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/ns_id.h"
#include "plugin/node/pod_signs.h"
#include "plugin/stage/pod_end.h"
#include "plugin/stage/stages.h"
#include "plugin/switch/macvlan_master.h"
#include "macvlan_del.h"

/* The first of the indexes that are chosen here. The kernel counts from 1 on. */
#define CHOSEN_INDEX (1u << 30)

static bool is_ipvlan(const struct attachment *att)
{
	return att->network->switch_kind == SWITCH_IPVLAN;
}

static bool is_passthru(const struct attachment *att)
{
	return !is_ipvlan(att) && att->network->macvlan.mode == MACVLAN_MODE_PASSTHRU;
}

static struct netlink *master_rtnl(const struct attachment *att)
{
	return att->network->macvlan.in_container ? att->pod_ns.rtnl : att->op->node.rtnl;
}

/* Is it a Wi-Fi interface? False also where /sys is another namespace's. */
static bool is_wifi(const struct link *link)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", link->name);
	return access(path, F_OK) == 0;
}

/* Tells of a master by which the pod will reach nobody, although its ADD succeeds. */
static void tell_master(struct attachment *att, const struct link *master)
{
	if (!master->up)
		notice(&att->op->notices,
		       "master: %s is down: the pod reaches nobody until it is set up (ip "
		       "link set %s up)",
		       master->name, master->name);
	if (!is_ipvlan(att) && !att->network->macvlan.in_container && is_wifi(master))
		notice(&att->op->notices,
		       "master: %s is a Wi-Fi interface: access points drop frames with "
		       "the MAC address of a macvlan; take the switch \"ipvlan\", or a "
		       "wired interface",
		       master->name);
}

static int mtu_settle(struct attachment *att, const struct link *master,
		      struct cni_error *err)
{
	uint32_t mtu = att->network->mtu;

	if (mtu > master->mtu)
		return error_set(
			err, CNI_ERR_CONFIG, EINVAL,
			"mtu: %u is more than the %u of the master %s; lower it, "
			"or raise that of %s",
			mtu, master->mtu, master->name, master->name);
	att->mtu = mtu ? mtu : master->mtu;
	return 0;
}

/* A macvlan of mode passthru and an ipvlan have the master's address. */
static void mac_settle(struct attachment *att, const struct link *master)
{
	bool of_master = is_ipvlan(att) || (is_passthru(att) && !att->pod->mac.set);

	att->container_mac = of_master ? master->mac : pod_end_mac(att);
}

static int explain_busy(struct attachment *att, const struct link *master,
			struct cni_error *err)
{
	struct link above = {};

	if (master->master)
		(void)link_get_by_index(master_rtnl(att), master->master, &above, NULL);
	error_clear(err);
	if (above.index)
		return error_set(
			err, CNI_ERR_EXISTS, EBUSY,
			"master: %s is a port of %s (%s), which takes all of its "
			"frames; name %s as the master, or take the port off it: "
			"ip link set %s nomaster",
			master->name, above.name, above.kind, above.name, master->name);
	return error_set(err, CNI_ERR_EXISTS, EBUSY,
			 "master: the frames of %s are taken by somebody else, such as a "
			 "switch, or links of kind %s; name another master, or remove "
			 "those",
			 master->name, is_ipvlan(att) ? "macvlan" : "ipvlan");
}

/* Says what the kernel's errno means for a macvlan. */
static int explain(struct attachment *att, const struct link *master, int ret,
		   struct cni_error *err)
{
	if (ret == -EEXIST && netlink_ifindex(att->pod_ns.rtnl, att->pod->ifname)) {
		error_clear(err);
		return pod_end_name_taken(att, err);
	}
	if (ret == -EBUSY)
		return explain_busy(att, master, err);
	if (ret == -EINVAL)
		error_wrap(err,
			   is_passthru(att)
				   ? "master: in mode passthru the pod needs %s for "
				     "itself alone, which has other links by now, or is "
				     "no Ethernet interface"
				   : "master: %s can't be shared: a pod in mode passthru "
				     "has it for itself alone, or it is no Ethernet "
				     "interface",
			   master->name);
	return ret;
}

static int make(struct attachment *att, const struct link *master, struct cni_error *err)
{
	const struct macvlan_conf *conf = &att->network->macvlan;
	struct netlink *nl = master_rtnl(att);
	struct macvlan_spec spec = {
		.kind = switch_word(att->network->switch_kind),
		.name = att->pod->ifname,
		.master = master->index,
		.ns = conf->in_container ? -1 : att->pod_ns.fd,
		.mtu = att->network->mtu,
		.mode = conf->mode,
		.bc_queue_len = conf->bc_queue_len,
	};
	int ret;

	/* In mode passthru the kernel passes over the address. */
	if (!is_ipvlan(att) && !is_passthru(att))
		spec.mac = att->container_mac;
	queue_macvlan_add(nl, &spec);
	ret = netlink_commit(nl, err);
	/* A kernel before Linux 6.15 takes the node's interface of that name for the one
	 * that is to be made, unless the message says an index. */
	if (ret == -EEXIST && !conf->in_container &&
	    !netlink_ifindex(att->pod_ns.rtnl, att->pod->ifname)) {
		error_clear(err);
		spec.index = CHOSEN_INDEX |
			     (hash_text(att->pod->host_ifname) & (CHOSEN_INDEX - 1));
		queue_macvlan_add(nl, &spec);
		ret = netlink_commit(nl, err);
	}
	return ret;
}

/* Sets what the kernel takes only once the link is there. */
static int complete(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->pod_ns.rtnl;
	const char *name = att->pod->ifname;
	char alias[LINK_ALIAS_MAX];

	identity_alias(att->network->name, att->pod->container_id, name, alias);
	queue_link_alias(nl, att->container_index, name, alias);
	if (att->ipam.ips.n > 0 || ipam_delegated(att->network))
		queue_link_announces(nl, att->container_index, name);
	if (is_passthru(att) && att->pod->mac.set)
		queue_link_mac(nl, att->container_index, name, &att->container_mac);
	return netlink_commit(nl, err);
}

/* Gives the only interface that an earlier plugin of the list has made: an ipvlan shares
 * that one where the configuration names no master, as the reference's does. "": there is
 * no earlier plugin, or the configuration names the master. */
static int prev_master(const struct attachment *att, const char **ret_name,
		       struct cni_error *err)
{
	const char *configured = att->network->macvlan.master;
	const struct cni_result *prev = &att->pod->prev_result;

	*ret_name = "";
	if ((configured && *configured) || !is_ipvlan(att) || !att->pod->has_prev_result)
		return 0;
	if (prev->interfaces.n != 1 || !ifname_valid(prev->interfaces.items[0].name))
		return error_set(
			err, CNI_ERR_CONFIG, EINVAL,
			"master: not given, and prevResult, which could tell it, has %zu "
			"interfaces instead of one with a name; name the interface",
			prev->interfaces.n);
	*ret_name = prev->interfaces.items[0].name;
	return 0;
}

static int macvlan_add(struct attachment *att, struct cni_error *err)
{
	struct link master;
	const char *prev;
	int ret = prev_master(att, &prev, err);

	if (ret == 0)
		ret = macvlan_master_get(master_rtnl(att), att->network, prev, &master,
					 err);
	if (ret == 0)
		ret = mtu_settle(att, &master, err);
	if (ret < 0)
		return ret;
	mac_settle(att, &master);
	/* The node finds the link by this number as long as the namespace is there
	 * (pod_signs.h). A kernel that gives none tells less. */
	(void)ns_id_give(att->op->node.rtnl, att->pod_ns.fd, NULL);
	snprintf(att->master_ifname, sizeof(att->master_ifname), "%s", master.name);
	ret = make(att, &master, err);
	/* The kernel may have made the link, and its answer was lost. */
	if (ret < 0 && ret != -EEXIST)
		macvlan_del(att, NULL);
	if (ret < 0)
		return explain(att, &master, ret, err);
	pod_signs_forget(&att->op->node);
	tell_master(att, &master);
	att->container_index = netlink_ifindex_quick(att->pod_ns.rtnl, att->pod->ifname);
	ret = complete(att, err);
	if (ret < 0) {
		netlink_discard(att->pod_ns.rtnl);
		macvlan_del(att, NULL);
	}
	return ret;
}

static int mode_check(const struct attachment *att, const struct link *link,
		      struct cni_error *err)
{
	enum switch_kind kind = att->network->switch_kind;
	const char *found = macvlan_mode_word(kind, link->mode);

	if (link->mode == att->network->macvlan.mode)
		return 0;
	return link_differs(err, link->name, "the mode",
			    macvlan_mode_word(kind, att->network->macvlan.mode),
			    found ? found : "another one");
}

/* The master of the default route may be another one by now. */
static int master_check(struct attachment *att, const struct link *link,
			struct cni_error *err)
{
	const struct macvlan_conf *conf = &att->network->macvlan;
	struct link master;
	int ret;

	if (!conf->master || !*conf->master)
		return 0;
	ret = macvlan_master_get(master_rtnl(att), att->network, "", &master, err);
	if (ret == -ENODEV)
		error_recode(err, CNI_ERR_CHECK);
	if (ret < 0 || link->peer == master.index)
		return ret;
	return error_set(err, CNI_ERR_CHECK, ENODEV,
			 "%s: expected the master %s (interface %u), found interface %u; "
			 "delete the pod",
			 link->name, conf->master, master.index, link->peer);
}

static int macvlan_check(struct attachment *att, struct cni_error *err)
{
	struct link link;
	int ret = pod_end_check(att, switch_word(att->network->switch_kind), &link, err);

	if (ret == 0)
		ret = mode_check(att, &link, err);
	return ret < 0 ? ret : master_check(att, &link, err);
}

static void macvlan_interfaces(const struct attachment *att,
			       struct stage_interfaces *list)
{
	stage_interfaces_add(list, att->pod->ifname, &att->container_mac, att->mtu,
			     att->pod->netns);
}

static int macvlan_status(struct attachment *net, struct cni_error *err)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct link master;
	int ret;

	if (!macvlan_master_is_known(net->network))
		return 0;
	ret = netlink_open(NETLINK_FOR_ROUTE, &nl, err);
	if (ret == 0)
		ret = macvlan_master_get(nl, net->network, "", &master, err);
	if (ret == -ENODEV)
		error_recode(err, CNI_ERR_UNAVAILABLE);
	return ret;
}

const struct stage stage_macvlan = {
	.name = "macvlan",
	.switches = SWITCH_BIT(SWITCH_MACVLAN) | SWITCH_BIT(SWITCH_IPVLAN),
	.names = pod_end_name_check,
	.add = macvlan_add,
	.check = macvlan_check,
	.status = macvlan_status,
	.del = macvlan_del,
	.interfaces = macvlan_interfaces,
};
