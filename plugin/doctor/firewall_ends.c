/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses and interfaces of which the packets are made that stand for a network's. */
#include <string.h>

#include "conf/base/list.h"
#include "firewall_hooks.h"
#include "plugin/node/uplink.h"

static struct ip_addr before(const struct ip_addr *addr)
{
	struct ip_addr previous = *addr;

	for (size_t i = ip_size(addr->family); i > 0 && previous.bytes[i - 1]-- == 0; i--)
		;
	return previous;
}

/* Addresses that pods may have are the last ones of a range; the gateway has mostly the
 * first one. */
static void pods_take(const struct ip_range *range, struct way_ends *ends)
{
	ends->subnet = range->subnet;
	ends->node = range->gateway;
	ends->pod = ends->other_pod = range->end;
	if (ip_equal(&ends->pod, &range->gateway) &&
	    !ip_equal(&range->start, &range->end))
		ends->pod = ends->other_pod = before(&range->end);
	if (!ip_equal(&ends->pod, &range->start))
		ends->other_pod = before(&ends->pod);
}

int firewall_ends_read(struct doctor *doctor, const struct doctor_network *network,
		       struct firewall_ends_list *ret_list, struct cni_error *err)
{
	struct firewall_ends_list list = {};
	struct link gateway = {};
	unsigned int port;
	int ret;

	/* The packets of these pods don't pass the node's rules. */
	if (!switch_has_bridge(network->switch_kind)) {
		*ret_list = list;
		return 0;
	}
	ret = link_get(doctor->rtnl, network->gateway_ifname, &gateway, err);
	port = netlink_ifindex(doctor->rtnl, network->port);
	for (size_t i = 0; ret == 0 && i < network->ranges.n; i++) {
		const struct ip_range *range = &network->ranges.items[i];
		struct firewall_ends *ends = LIST_ADD(&list);

		if (!ends) {
			ret = error_oom(err);
			break;
		}
		*ends = (struct firewall_ends){
			.ends = {.bridge = network->bridge,
				 .gateway = network->gateway_ifname,
				 .port = network->port,
				 .gateway_index = gateway.index,
				 .port_index = port},
		};
		pods_take(range, &ends->ends);
		ret = uplink_list_of_pod(doctor->rtnl, &ends->ends.pod, gateway.index,
					 &ends->uplinks, err);
	}
	if (ret < 0)
		firewall_ends_clear(&list);
	else
		*ret_list = list;
	return ret;
}

void firewall_ends_clear(struct firewall_ends_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		link_list_clear(&list->items[i].uplinks);
	free(list->items);
	*list = (struct firewall_ends_list){};
}
