/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and writes the alias, and judges whether an attachment may join the pods that a
 * bridge has. */
#include "bridge_alias.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/node/node.h"
#include "bridge_ports.h"
#include "neighbours_left.h"

/* The facts that a bridge's alias tells. */
struct told {
	bool routed, other_ports;
};

static const char *link_name(bool routed)
{
	return routed ? "routed" : "bridged";
}

static void alias_write(const struct told *told, char ret_alias[LINK_ALIAS_MAX])
{
	snprintf(ret_alias, LINK_ALIAS_MAX, BRIDGE_ALIAS_PREFIX "%s%s",
		 link_name(told->routed), told->other_ports ? ", other ports" : "");
}

/* False: it is none of this program's. */
static bool alias_read(const char *alias, struct told *ret_told)
{
	for (int i = 0; i < 4; i++) {
		struct told told = {.routed = i & 1, .other_ports = i & 2};
		char text[LINK_ALIAS_MAX];

		alias_write(&told, text);
		if (strcmp(alias, text) != 0)
			continue;
		*ret_told = told;
		return true;
	}
	return false;
}

static void queue_alias(struct attachment *att, struct link *link,
			const struct told *told)
{
	alias_write(told, link->alias);
	queue_link_alias(att->op->node.rtnl, link->index, link->name, link->alias);
}

bool bridge_alias_serves(const struct attachment *att, const struct link *link)
{
	struct told told;

	if (attachment_is_repaired(att) || !alias_read(link->alias, &told))
		return link->alias[0];
	return told.routed == att->routed;
}

/* Refuses an ADD because of the pod behind @port. */
static int refuse(const struct attachment *att, const char *port, const char *why,
		  struct cni_error *err)
{
	return error_set(err, CNI_ERR_EXISTS, EBUSY,
			 "podLink: network %s is to be %s, but bridge %s has %s pods, "
			 "among them that of %s%s; a bridge has pods of one podLink: "
			 "delete those pods first (drain the node), or give the network "
			 "another bridge",
			 att->network->name, link_name(att->routed), att->bridge,
			 link_name(!att->routed), port, why);
}

/*
 * May the attachment join the pods that the bridge has? @alias_differs: the alias says
 * the other podLink, which settles it where no record does. Without an alias, isolated
 * pods of unknown stores are bridged ones, as earlier versions made no others; then a
 * bridged ADD succeeds, and says so.
 */
static int judge(struct attachment *att, const struct bridge_ports *ports,
		 bool alias_differs, struct cni_error *err)
{
	const char *same = att->routed ? ports->routed : ports->bridged;
	const char *other = att->routed ? ports->bridged : ports->routed;

	if (other[0])
		return refuse(att, other, "", err);
	if (same[0] || !ports->unknown[0])
		return 0;
	if (alias_differs || att->routed)
		return refuse(att, ports->unknown,
			      ", whose record is in another dataDir (`bridge-cni repair` "
			      "of its network tells better)",
			      err);
	notice(&att->op->notices,
	       "bridge %s has no alias that tells the podLink of its pods; that of %s, "
	       "which is isolated and whose record is in another dataDir, is taken for "
	       "bridged",
	       att->bridge, ports->unknown);
	return 0;
}

/* Gives the podLink of the pods that the bridge has; @now where that isn't known, or
 * where it has both. */
static bool pods_are_routed(const struct bridge_ports *ports, bool now)
{
	if (now ? ports->routed[0] : ports->bridged[0])
		return now;
	return (now ? ports->bridged[0] : ports->routed[0]) ? !now : now;
}

int bridge_alias_set(struct attachment *att, struct link *link, struct cni_error *err)
{
	struct told told = {.routed = att->routed};
	struct bridge_ports ports;
	bool was_told = alias_read(link->alias, &told);
	int ret = bridge_ports_look(att, link->index, &ports, err);

	if (ret == 0 && !attachment_is_repaired(att))
		ret = judge(att, &ports, was_told, err);
	if (ret == 0 && was_told && told.routed && !att->routed)
		ret = neighbours_flush(att, err);
	if (ret < 0)
		return ret;
	told.other_ports = ports.other[0];
	told.routed = attachment_is_repaired(att) ? pods_are_routed(&ports, told.routed)
						  : att->routed;
	queue_alias(att, link, &told);
	return 0;
}

/* Looks at the ports of a bridge whose alias is somebody else's. Two ADDs that are each
 * the first one may not differ, so such an ADD gets the exclusive lock. */
static int ports_join(struct attachment *att, const struct link *link,
		      struct bridge_ports *ports, struct cni_error *err)
{
	int ret = bridge_ports_look(att, link->index, ports, err);

	if (ret < 0 || attachment_is_repaired(att))
		return ret;
	if (!ports->bridged[0] && !ports->routed[0]) {
		ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
		if (ret == 0)
			ret = bridge_ports_look(att, link->index, ports, err);
	}
	return ret < 0 ? ret : judge(att, ports, false, err);
}

int bridge_alias_join(struct attachment *att, const struct link *link,
		      struct cni_error *err)
{
	struct bridge_ports ports;
	struct told told;
	int ret = 0;

	if (alias_read(link->alias, &told)) {
		att->bridge_has_other_ports = told.other_ports;
		return 0;
	}
	ret = ports_join(att, link, &ports, err);
	if (ret == 0)
		att->bridge_has_other_ports = ports.other[0];
	return ret;
}

/* Fills @att->routed and @att->quiet by the record; without one this program has not made
 * the pod with either. */
static int record_apply(struct attachment *att, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	int ret = ipam_record_read(&att->ipam_env, att->pod, &record, err);

	if (ret < 0)
		return ret;
	att->routed = ret == 0 && record.routed[0];
	att->quiet = ret == 0 && att->pod->quiet && record.quiet;
	for (size_t i = 0; att->routed && i < att->ipam.ips.n; i++) {
		struct ip_prefix *address = &att->ipam.ips.items[i].address;

		for (size_t k = 0; k < record.n; k++)
			if (ip_equal(&record.addresses[k].address.addr, &address->addr))
				address->len = record.addresses[k].address.len;
	}
	return 0;
}

int bridge_alias_check(struct attachment *att, const struct link *link,
		       struct cni_error *err)
{
	struct bridge_ports ports = {};
	struct told told = {};
	bool own = alias_read(link->alias, &told);
	int ret = own ? 0 : bridge_ports_look(att, link->index, &ports, err);

	if (ret < 0)
		return ret;
	att->bridge_has_other_ports = own ? told.other_ports : ports.other[0];
	att->routed = att->quiet = false;
	return own && !told.routed && !att->pod->quiet ? 0 : record_apply(att, err);
}

bool bridge_alias_is_ours(const struct link *link, bool *ret_other_ports)
{
	struct told told;
	bool ours = alias_read(link->alias, &told);

	if (ours)
		*ret_other_ports = told.other_ports;
	return ours;
}

int bridge_alias_look(struct attachment *net, const struct link *link,
		      struct cni_error *err)
{
	struct bridge_ports ports = {};
	struct told told = {};
	bool own = alias_read(link->alias, &told);
	int ret = own ? 0 : bridge_ports_look(net, link->index, &ports, err);

	if (ret == 0)
		net->bridge_has_other_ports = own ? told.other_ports : ports.other[0];
	return ret;
}

int bridge_alias_settle(struct attachment *net, struct cni_error *err)
{
	struct netlink *nl = net->op->node.rtnl;
	struct told told = {.routed = net->network->routed};
	struct bridge_ports ports;
	char before[LINK_ALIAS_MAX];
	struct link link;
	int ret = link_get(nl, net->bridge, &link, err);

	if (ret < 0 || !link_is(&link, "bridge"))
		return ret;
	ret = bridge_ports_look(net, link.index, &ports, err);
	if (ret < 0)
		return ret;
	net->bridge_has_other_ports = ports.other[0];
	if (link.alias[0] && !alias_read(link.alias, &told))
		return 0;
	told.routed = pods_are_routed(&ports, told.routed);
	told.other_ports = ports.other[0];
	memcpy(before, link.alias, sizeof(before));
	alias_write(&told, link.alias);
	if (strcmp(before, link.alias) == 0)
		return 0;
	queue_alias(net, &link, &told);
	ret = netlink_commit(nl, err);
	if (ret == 0)
		report_done(net, "bridge %s: its alias is \"%s\"", link.name, link.alias);
	return ret;
}

bool bridge_alias_says_pods_alone(const struct link *link)
{
	struct told told;

	return alias_read(link->alias, &told) && !told.other_ports;
}

void bridge_alias_remove(struct attachment *net, const struct link *link)
{
	struct told told;

	if (alias_read(link->alias, &told))
		queue_link_alias(net->op->node.rtnl, link->index, link->name, "");
}
