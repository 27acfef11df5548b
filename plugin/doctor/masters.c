/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The master of a network on macvlan or ipvlan, as STATUS looks for it. */
#include "checks.h"
#include "finding.h"
#include "plugin/stage/stages.h"

void master_check(struct doctor *doctor, const struct network_facts *facts)
{
	struct cni_error err = {};

	if (switch_has_bridge(facts->net->switch_kind))
		return;
	if (stages_status(facts->net, &err) < 0)
		doctor_tell(doctor, DOCTOR_PROBLEM, "every ADD fails: %s", err.msg);
}
