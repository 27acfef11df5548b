/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of ours that pods need, and the library that writes them. */
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "finding.h"
#include "kernel_feature.h"
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

/* The features of the kernel that the rules of a stage need, as kernel_try_rules.c tries
 * them. */
static const struct {
	const char *stage;
	uint32_t features;
} needs[] = {
	{"vlan", KERNEL_BIT(KERNEL_UNTRACKED)},
	{"isolate", KERNEL_BIT(KERNEL_GUARD)},
	{"spoofcheck", KERNEL_BIT(KERNEL_BRIDGE_RULES)},
	{"gateway_guard", KERNEL_BIT(KERNEL_GUARD)},
	{"portmap", KERNEL_BIT(KERNEL_HOST_PORTS) | KERNEL_BIT(KERNEL_PORT_RANGES)},
	{"masquerade", KERNEL_BIT(KERNEL_MASQUERADE)},
	{"fast_path", KERNEL_BIT(KERNEL_FAST_PATH)},
};

/* Does the kernel lack what the rules of a stage need? NULL: those of any stage of the
 * network at work. */
static bool kernel_lacks_rules(const struct doctor *doctor, const char *stage,
			       enum kernel_feature *ret_feature)
{
	uint32_t network = doctor->networks.items[doctor->networks.n - 1].kernel_features,
		 features = 0;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (!stage)
			features |= needs[i].features & network;
		else if (strcmp(needs[i].stage, stage) == 0)
			features = needs[i].features;
	return kernel_lacks(doctor, features, ret_feature);
}

static void unseen_tell(struct doctor *doctor, const struct network_facts *facts)
{
	enum kernel_feature lacking;

	if (!facts->view.records_errnum && kernel_lacks_rules(doctor, NULL, &lacking)) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "its pods need rules that this kernel can't have");
		doctor_advise(doctor, "%s", kernel_advice(lacking));
	} else if (!facts->view.records_errnum && !kernel_has_nf_tables()) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "its pods need rules, and there are none: nf_tables is not "
			    "loaded");
		doctor_repair_network(doctor);
	} else {
		doctor_tell(doctor, DOCTOR_WARNING, "rules could not be seen");
		doctor_advise(doctor, geteuid() == 0
					      ? "see why: `bridge-cni show` says it"
					      : "run doctor as root");
	}
}

void rules_check_network(struct doctor *doctor, const struct network_facts *facts)
{
	size_t missing = 0;

	if (facts->rules_unseen) {
		unseen_tell(doctor, facts);
		return;
	}
	for (size_t i = 0; i < facts->stages.rules.n; i++) {
		const struct stage_rules *rules = &facts->stages.rules.items[i];
		size_t n = rules->state.expected - rules->state.present;
		enum kernel_feature lacking;

		if (n == 0)
			continue;
		if (!kernel_lacks_rules(doctor, rules->stage, &lacking)) {
			missing += n;
			continue;
		}
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%zu rule%s of %s that its pods need %s missing: this kernel "
			    "can't have %s",
			    n, n == 1 ? "" : "s", rules->stage, n == 1 ? "is" : "are",
			    n == 1 ? "it" : "them");
		doctor_advise(doctor, "%s", kernel_advice(lacking));
	}
	if (missing == 0)
		return;
	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "%zu rule%s that its pods need %s missing in nftables", missing,
		    missing == 1 ? "" : "s", missing == 1 ? "is" : "are");
	doctor_repair_network(doctor);
}
