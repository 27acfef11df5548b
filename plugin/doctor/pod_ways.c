/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways that rules of routing (ip-rule(8)) give what pods send, where these are others
 * than those of the node's own packets. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "checks.h"
#include "finding.h"
#include "firewall_hooks.h"
#include "plugin/node/uplink.h"
#include "plugin/stage/forwarding.h"

/* EHOSTUNREACH is also the answer where forwarding is off, which is told of by itself. */
static bool is_refusal(const struct firewall_ends *ends)
{
	return ends->uplinks.n > 0 &&
	       (ends->refused == EACCES || ends->refused == EINVAL ||
		ends->refused == ENETUNREACH);
}

static void refusal_tell(struct doctor *doctor, const struct way_ends *ends)
{
	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "a rule or a route of the node refuses what pods of %s send to the "
		    "world, while the node's own packets leave",
		    PREFIX_TEXT(&ends->subnet));
	doctor_advise(doctor, "see ip rule, and ip route get %s from %s iif %s",
		      IP_TEXT(world_example(ends->pod.family, 0)), IP_TEXT(&ends->pod),
		      ends->gateway);
}

static bool is_told(const struct link_list *told, const struct link *link)
{
	for (size_t i = 0; i < told->n; i++)
		if (told->items[i].index == link->index)
			return true;
	return false;
}

/* IPv6 has a switch for all interfaces. */
static void closed_look(struct doctor *doctor, const struct firewall_ends *ends,
			const struct link_list *told)
{
	for (size_t i = 0; ends->ends.pod.family == AF_INET && i < ends->uplinks.n; i++) {
		const struct link *link = &ends->uplinks.items[i];

		if (link->ipv4.forwarding == 0 && !is_told(told, link))
			forwarding_closed_tell(doctor, link->name,
					       "what comes back to pods by the uplink is "
					       "dropped");
	}
}

static void network_look(struct doctor *doctor, const struct doctor_network *network,
			 const struct link_list *told)
{
	_cleanup_(firewall_ends_clear) struct firewall_ends_list list = {};
	struct cni_error err = {};

	if (firewall_ends_read(doctor, network, &list, &err) < 0)
		doctor_unseen(doctor, "the ways of pods", &err);
	for (size_t i = 0; i < list.n; i++) {
		int on = 0;

		if (is_refusal(&list.items[i]))
			refusal_tell(doctor, &list.items[i].ends);
		if (forwarding_all_get(AF_INET, &on, NULL) == 0 && on)
			closed_look(doctor, &list.items[i], told);
	}
}

void pod_ways_look(struct doctor *doctor, const struct link_list *told)
{
	for (size_t i = 0; i < doctor->networks.n; i++)
		if (doctor->networks.items[i].is_gateway)
			network_look(doctor, &doctor->networks.items[i], told);
}
