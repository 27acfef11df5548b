/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the networks need of the kernel is tried, in a network namespace of a child, which
 * ends with it: a version number doesn't tell which options a kernel was built with.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "finding.h"
#include "plugin/netlink/link.h"
#include "plugin/node/kernel_has.h"

#define BRIDGE "try0"

/* The child's exit status. */
enum tried {
	TRIED_FINE,
	TRIED_UNSEEN, /* it could not make a namespace */
	TRIED_NO_BRIDGE,
	TRIED_NO_VLANS,
};

static enum tried bridge_try(struct netlink *nl)
{
	const struct bridge_spec spec = {.name = BRIDGE,
					 .mac = {true, {0x02, 0, 0, 0, 0, 1}}};
	struct link link = {};

	queue_bridge_add(nl, &spec);
	if (netlink_commit(nl, NULL) < 0 || link_get(nl, BRIDGE, &link, NULL) < 0 ||
	    !link.index)
		return TRIED_NO_BRIDGE;
	return link.bridge.can_filter_vlans ? TRIED_FINE : TRIED_NO_VLANS;
}

static _Noreturn void become_child(void)
{
	struct netlink *nl = NULL;
	enum tried tried = TRIED_UNSEEN;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) == 0 && netlink_open(NETLINK_FOR_ROUTE, &nl, NULL) == 0)
		tried = bridge_try(nl);
	_exit(tried);
}

static enum tried child_run(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		become_child();
	if (pid < 0)
		return TRIED_UNSEEN;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return TRIED_UNSEEN;
	return WIFEXITED(status) ? (enum tried)WEXITSTATUS(status) : TRIED_UNSEEN;
}

/* The name of a network that has VLANs; NULL: none has. */
static const char *with_vlans(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->networks.n; i++)
		if (doctor->networks.items[i].filters_vlans)
			return doctor->networks.items[i].name;
	return NULL;
}

void kernel_check(struct doctor *doctor)
{
	const char *vlans = with_vlans(doctor);

	if (doctor->networks.n == 0)
		return;
	if (!doctor->load && !kernel_has_bridge()) {
		doctor_tell(
			doctor, DOCTOR_OK,
			"the module bridge isn't loaded yet; doctor --load loads it and "
			"tries it");
		return;
	}
	switch (child_run()) {
	case TRIED_UNSEEN:
		doctor_tell(doctor, DOCTOR_WARNING,
			    "what the kernel can do could not be seen: no network "
			    "namespace can be made");
		doctor_advise(doctor, geteuid() == 0 ? "see the kernel's log"
						     : "run doctor as root");
		break;
	case TRIED_NO_BRIDGE:
		doctor_tell(doctor, DOCTOR_PROBLEM, "the kernel makes no bridge");
		doctor_advise(doctor, "boot a kernel with CONFIG_BRIDGE");
		break;
	case TRIED_NO_VLANS:
		if (!vlans)
			break;
		doctor->network = vlans;
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "its bridge is to filter VLANs, which this kernel's bridges "
			    "can't");
		doctor_advise(doctor,
			      "boot a kernel with CONFIG_BRIDGE_VLAN_FILTERING, or "
			      "remove vlan and vlanTrunk");
		doctor->network = NULL;
		break;
	case TRIED_FINE:
		break;
	}
}
