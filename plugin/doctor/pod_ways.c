/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwarding on the ways that rules of routing (ip-rule(8)) give what pods send, where
 * these are others than those of the node's own packets. */
#include <sys/socket.h>

#include "checks.h"
#include "conf/base/list.h"
#include "finding.h"
#include "firewall_hooks.h"
#include "plugin/stage/forwarding.h"

static bool is_told(const struct link_list *told, const struct link *link)
{
	for (size_t i = 0; i < told->n; i++)
		if (told->items[i].index == link->index)
			return true;
	return false;
}

/* IPv6 has a switch for all interfaces. */
static void closed_look(struct doctor *doctor, const struct firewall_ends *ends,
			struct link_list *told)
{
	for (size_t i = 0; ends->ends.pod.family == AF_INET && i < ends->uplinks.n; i++) {
		const struct link *link = &ends->uplinks.items[i];

		struct link *item;

		if (link->ipv4.forwarding || is_told(told, link))
			continue;
		forwarding_closed_tell(doctor, link->name,
				       "what comes back to pods by the uplink is "
				       "dropped");
		item = LIST_ADD(told);
		if (item)
			*item = *link;
		else
			doctor->out_of_memory = true;
	}
}

static void network_look(struct doctor *doctor, const struct doctor_network *network,
			 struct link_list *told)
{
	_cleanup_(firewall_ends_clear) struct firewall_ends_list list = {};
	struct cni_error err = {};

	if (firewall_ends_read(doctor, network, &list, &err) < 0)
		doctor_unseen(doctor, "the ways of pods", &err);
	for (size_t i = 0; i < list.n; i++)
		closed_look(doctor, &list.items[i], told);
}

void pod_ways_look(struct doctor *doctor, struct link_list *told)
{
	bool on = false;

	/* Where the switch for all is off, ADD turns it on, and the uplinks with it. */
	if (forwarding_all_get(doctor->rtnl, AF_INET, &on, NULL) < 0 || !on)
		return;
	for (size_t i = 0; i < doctor->networks.n; i++)
		if (doctor->networks.items[i].is_gateway)
			network_look(doctor, &doctor->networks.items[i], told);
}
