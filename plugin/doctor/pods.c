/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pods that are cut off: their end of the interface is down, or the interface is gone.
 * What else is inside a pod is left to `show POD`. */
#include <stdio.h>
#include <time.h>

#include "checks.h"
#include "finding.h"

#define NEW_SECONDS 10 /* so long an ADD may be at work */

/* Pods with the same fault. The first one is named, which stands for all. */
struct cut_off {
	size_t n;
	const struct shown_pod *one;
};

static void cut_off_add(struct cut_off *cut, const struct shown_pod *pod)
{
	if (cut->n++ == 0)
		cut->one = pod;
}

static void cut_off_tell(struct doctor *doctor, const struct cut_off *cut,
			 const char *of_one, const char *of_many)
{
	const struct shown_pod *pod = cut->one;
	const char *name = pod->pod[0] ? pod->pod : pod->container_id;
	char host[IF_NAMESIZE + 3] = "";

	if (pod->host_ifname[0])
		snprintf(host, sizeof(host), " (%s)", pod->host_ifname);
	if (cut->n == 1)
		doctor_tell(doctor, DOCTOR_PROBLEM, "pod %s %s%s: it reaches nobody",
			    name, of_one, host);
	else
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%zu pods %s, pod %s among them%s: they reach nobody", cut->n,
			    of_many, name, host);
	doctor_advise(doctor,
		      "delete %s, so that %s started anew; `bridge-cni show` has %s",
		      cut->n == 1 ? "it" : "them", cut->n == 1 ? "it is" : "they are",
		      cut->n == 1 ? "it" : "all of them");
}

void pods_check(struct doctor *doctor, const struct network_facts *facts)
{
	struct cut_off down = {}, gone = {};

	for (size_t i = 0; i < facts->pods.n; i++) {
		const struct shown_pod *pod = &facts->pods.items[i];

		if (pod->since + NEW_SECONDS > time(NULL))
			continue;
		if (pod->state == IPAM_VIEW_DETACHED)
			cut_off_add(&gone, pod);
		/* A port that is down has no carrier, which another check says. */
		if (pod->state == IPAM_VIEW_CONNECTED && pod->link && pod->link->up &&
		    !pod->link->carrier &&
		    !facts->net->network->disable_container_interface)
			cut_off_add(&down, pod);
	}
	if (gone.n)
		cut_off_tell(doctor, &gone, "has lost its interface",
			     "have lost their interfaces");
	if (down.n)
		cut_off_tell(doctor, &down, "has its end of its interface down",
			     "have their ends of their interfaces down");
}
