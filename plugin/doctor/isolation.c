/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks that are to be isolated, and are not, or not as one may think. */
#include <string.h>

#include "checks.h"
#include "finding.h"

static void tell_missing(struct doctor *doctor, const struct attachment *net,
			 const char *missing)
{
	if (strcmp(missing, net->gateway_ifname) == 0)
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s is missing in the sets of isolated networks: other "
			    "networks may reach its pods",
			    missing);
	else
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s, which is another network's, is missing in the sets "
			    "that keep %s from others: pods of the two may reach each "
			    "other; an interface that was given this name after its "
			    "network's last ADD is one reason",
			    missing, net->gateway_ifname);
	doctor_repair_network(doctor);
}

static void tell_other_ports(struct doctor *doctor, const struct attachment *net)
{
	doctor_tell(doctor, DOCTOR_WARNING,
		    "bridge %s has a port that is no pod's: what is behind that "
		    "port belongs to the network for the key isolate, so that "
		    "other isolated networks don't reach it",
		    net->bridge);
	doctor_advise(doctor, "take isolate from the network if the outside is "
			      "behind that port, or give the network a bridge "
			      "of its own");
}

static void tell_outside(struct doctor *doctor, const struct attachment *net)
{
	doctor_tell(doctor, DOCTOR_WARNING,
		    "bridge %s has a port that is no pod's, so it counts as the outside: "
		    "networks with isolate \"strict\" are not kept from its pods",
		    net->bridge);
	doctor_advise(doctor, "give the pods a bridge of their own, or the network the "
			      "key isolate if nothing but the network is behind that "
			      "port");
}

void isolation_check(struct doctor *doctor, const struct network_facts *facts)
{
	const struct attachment *net = facts->net;

	if (facts->stages.is_outside)
		tell_outside(doctor, net);
	if (!net->network->isolate)
		return;
	if (facts->stages.not_isolated[0])
		tell_missing(doctor, net, facts->stages.not_isolated);
	if (net->bridge_has_other_ports)
		tell_other_ports(doctor, net);
}
