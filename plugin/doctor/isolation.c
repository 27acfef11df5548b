/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks that are to be isolated, and are not, or not as one may think. */
#include "checks.h"
#include "finding.h"

void isolation_check(struct doctor *doctor, const struct network_facts *facts)
{
	const struct attachment *net = facts->net;

	if (!net->network->isolate)
		return;
	if (facts->stages.is_not_isolated) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s is missing in the sets of isolated networks: other "
			    "networks may reach its pods",
			    net->gateway_ifname);
		doctor_command(doctor, doctor->self, "repair",
			       doctor->networks.items[doctor->networks.n - 1].file);
	}
	if (net->bridge_has_other_ports) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "bridge %s has a port that is no pod's: what is behind that "
			    "port belongs to the network for the key isolate, so that "
			    "other isolated networks don't reach it",
			    net->bridge);
		doctor_advise(doctor, "take isolate from the network if the outside is "
				      "behind that port, or give the network a bridge "
				      "of its own");
	}
}
