/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of ours that pods need, and the library that writes them. */
#include "checks.h"
#include "finding.h"
#include "plugin/nft/nft.h"
#include "plugin/node/kernel_has.h"

void library_check(struct doctor *doctor)
{
	struct cni_error err = {};

	if (nft_look_up(&err) < 0) {
		doctor_tell(doctor, DOCTOR_PROBLEM, "%s", err.msg);
		doctor_advise(doctor, "install it: every ADD that needs a rule fails");
	}
}

void rules_check_network(struct doctor *doctor, const struct network_facts *facts)
{
	size_t missing = 0;

	if (facts->rules_unseen && !facts->view.records_errnum &&
	    !kernel_has_nf_tables()) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "its pods need rules, and there are none: nf_tables is not "
			    "loaded");
		doctor_command(doctor, doctor->self, "repair",
			       doctor->networks.items[doctor->networks.n - 1].file);
		return;
	}
	if (facts->rules_unseen) {
		doctor_tell(doctor, DOCTOR_WARNING, "rules could not be seen");
		doctor_advise(doctor, "run doctor as root");
		return;
	}
	for (size_t i = 0; i < facts->stages.rules.n; i++) {
		const struct stage_rules *rules = &facts->stages.rules.items[i];

		missing += rules->state.expected - rules->state.present;
	}
	if (missing == 0)
		return;
	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "%zu rule%s that its pods need %s missing in nftables", missing,
		    missing == 1 ? "" : "s", missing == 1 ? "is" : "are");
	doctor_command(doctor, doctor->self, "repair",
		       doctor->networks.items[doctor->networks.n - 1].file);
}
