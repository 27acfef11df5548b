/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds uplinks by the routes, and asks the kernel for the flowtable's devices. */
#include "fast_path_devices.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables_flowtable.h"
#include "plugin/nft/flowtable.h"
#include "plugin/nft/rules.h"
#include "plugin/nft/set_type.h"
#include "plugin/node/node.h"
#include "plugin/node/uplink.h"

void devices_clear(struct devices *devices)
{
	free(devices->items);
	*devices = (struct devices){};
}

static int device_add(struct devices *devices, const char *name, struct cni_error *err)
{
	struct device *added;

	for (size_t i = 0; i < devices->n; i++)
		if (strcmp(devices->items[i].name, name) == 0)
			return 0;
	added = LIST_ADD(devices);
	if (!added)
		return error_oom(err);
	snprintf(added->name, sizeof(added->name), "%s", name);
	return 0;
}

/* A bridge and its rules have to see what comes by a port. */
static int port_look(struct attachment *att, const struct link *link, bool *ret_is_port,
		     struct cni_error *err)
{
	struct link master = {};
	int ret = link->master ? link_get_by_index(att->op->node.rtnl, link->master,
						   &master, err)
			       : 0;

	*ret_is_port = ret == 0 && link_is(&master, "bridge");
	return ret;
}

static int uplinks_add(struct attachment *att, int family, struct devices *devices,
		       struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list uplinks = {};
	int ret = uplink_list_get(att->op->node.rtnl, family, &uplinks, err);

	for (size_t i = 0; ret == 0 && i < uplinks.n; i++) {
		const struct link *uplink = &uplinks.items[i];
		bool is_port;

		ret = port_look(att, uplink, &is_port, err);
		if (ret == 0 && !is_port && set_ifname_is_plain(uplink->name))
			ret = device_add(devices, uplink->name, err);
	}
	return ret;
}

static int by_name(const void *a, const void *b)
{
	const struct device *one = a, *other = b;

	return strcmp(one->name, other->name);
}

bool devices_have_gateway(const struct attachment *att)
{
	return netlink_ifindex(att->op->node.rtnl, att->gateway_ifname) != 0;
}

int devices_find(struct attachment *att, struct devices *ret_devices,
		 struct cni_error *err)
{
	_cleanup_(devices_clear) struct devices devices = {};
	int ret = 0;

	network_gateway_ifname(att->network, att->gateway_ifname);
	if (!set_ifname_is_plain(att->gateway_ifname) || !devices_have_gateway(att))
		return 0;
	ret = device_add(&devices, att->gateway_ifname, err);
	for (size_t f = 0; ret == 0 && f < IP_FAMILIES; f++)
		ret = uplinks_add(att, ip_families[f], &devices, err);
	if (ret < 0 || devices.n < 2)
		return ret;
	qsort(devices.items + 1, devices.n - 1, sizeof(*devices.items), by_name);
	*ret_devices = devices;
	devices = (struct devices){};
	return 0;
}

void devices_compared_clear(struct devices_compared *compared)
{
	devices_clear(&compared->others);
}

static int device_note(const char *name, void *data)
{
	struct devices_compared *compared = data;

	for (size_t i = 0; i < compared->wanted->n; i++)
		if (strcmp(compared->wanted->items[i].name, name) == 0) {
			compared->wanted->items[i].found = true;
			return 0;
		}
	return device_add(&compared->others, name, NULL) < 0 ? -ENOMEM : 0;
}

static int ports_find(struct attachment *att, struct devices_compared *compared,
		      struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < compared->others.n; i++) {
		const char *name = compared->others.items[i].name;
		struct link link;
		bool is_port = false;

		ret = link_get(att->op->node.rtnl, name, &link, err);
		if (ret == 0 && link.index)
			ret = port_look(att, &link, &is_port, err);
		if (ret == 0 && is_port)
			snprintf(compared->port, sizeof(compared->port), "%s", name);
	}
	return ret;
}

int devices_compare(struct attachment *att, struct devices_compared *compared,
		    struct cni_error *err)
{
	struct netlink *nl;
	int ret;

	devices_clear(&compared->others);
	*compared = (struct devices_compared){.wanted = compared->wanted};
	for (size_t i = 0; i < compared->wanted->n; i++)
		compared->wanted->items[i].found = false;
	if (compared->wanted->n == 0)
		return 0;
	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0)
		ret = nft_flowtable_devices(nl, NFPROTO_INET, RULES_TABLE,
					    RULES_FLOWTABLE, device_note, compared, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; !compared->missing && i < compared->wanted->n; i++)
		if (!compared->wanted->items[i].found)
			compared->missing = &compared->wanted->items[i];
	return ports_find(att, compared, err);
}
