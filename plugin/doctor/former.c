/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces that a former CNI has left. Those of a program that a configuration names
 * are that program's, and in use. */
#include <string.h>

#include "checks.h"
#include "finding.h"
#include "in_use.h"

/* @type: of the plugin that a configuration has while the program is in use; NULL: the
 * interface's name, as a plugin's bridge, says it. */
static const struct {
	const char *ifname, *whose, *type;
} formers[] = {
	{"cni0", "the reference plugins or flannel", "flannel"},
	{"flannel.1", "flannel", "flannel"},
	{"flannel-v6.1", "flannel", "flannel"},
	{"flannel-wg", "flannel", "flannel"},
	{"weave", "Weave Net", "weave-net"},
	{"datapath", "Weave Net", "weave-net"},
	{"vxlan.calico", "Calico", "calico"},
	{"cilium_host", "Cilium", "cilium-cni"},
	{"cilium_vxlan", "Cilium", "cilium-cni"},
	{"kube-bridge", "kube-router", NULL},
	{"antrea-gw0", "Antrea", "antrea"},
};

static void former_tell(struct doctor *doctor, const struct link *link, const char *whose)
{
	char network[LINK_ALIAS_MAX];

	if (link_is_this_programs(doctor, link, network)) {
		doctor_tell(
			doctor, DOCTOR_OK,
			"%s is bridge-cni's%s%s, which no configuration that was read "
			"has",
			link->name, network[0] ? ", of network " : "", network);
		return;
	}
	doctor_tell(doctor, DOCTOR_WARNING,
		    "%s is there, an interface of %s: where that runs no more, its "
		    "addresses and routes are in the way",
		    link->name, whose);
	if (link_in_use(doctor->rtnl, link))
		doctor_advise(doctor, "where that runs no more, delete the pods that are "
				      "its ports, and then the interface");
	else if (link->up && !link_is(link, "bridge"))
		doctor_advise(doctor, "where that runs no more, delete the interface");
	else
		doctor_command(doctor, "ip", "link", "del", link->name);
}

/* Has a file that was read a plugin of this type, or with this bridge? */
static bool is_configured(const struct doctor *doctor, const char *name)
{
	for (size_t i = 0; name && i < doctor->configured.n; i++)
		if (strcmp(doctor->configured.items[i], name) == 0)
			return true;
	return false;
}

void former_check(struct doctor *doctor)
{
	for (size_t i = 0; i < ARRAY_SIZE(formers); i++) {
		struct link link = {};

		if (!ifname_is_networks(doctor, formers[i].ifname) &&
		    !is_configured(doctor, formers[i].ifname) &&
		    !is_configured(doctor, formers[i].type) &&
		    link_get(doctor->rtnl, formers[i].ifname, &link, NULL) == 0 &&
		    link.index)
			former_tell(doctor, &link, formers[i].whose);
	}
}
