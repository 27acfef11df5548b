/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quietBridge: pods that send from several MAC addresses, of which the bridge knows one.
 * The kernel is asked for the interfaces in the pod by the name that it gives the pod's
 * namespace here. For those that are elsewhere, on the pod's interface nonetheless, it is
 * asked in the pod.
 */
#include <errno.h>
#include <stdio.h>

#include "checks.h"
#include "finding.h"
#include "ipam/store/record.h"
#include "plugin/node/pod_ns.h"
#include "plugin/stage/quiet.h"

/* The first pod that was found stands for all. */
struct several {
	size_t n;
	const struct shown_pod *one;
	char own[IF_NAMESIZE], stranger[IF_NAMESIZE]; /* "": it is in another namespace */
	struct mac_addr mac;
};

/* Where the namespace isn't found any more, or isn't seen from here, there is nothing to
 * tell. */
static struct mac_addr stranger_elsewhere(const struct node *node,
					  const struct shown_pod *pod,
					  const struct link *own)
{
	struct pod_ns pod_ns = POD_NS_CLOSED;
	struct mac_addr mac = {};
	struct link seen = {};

	if (pod_ns_open(node, pod->recorded->record.netns, false, &pod_ns, NULL) == 0 &&
	    link_get(pod_ns.rtnl, own->name, &seen, NULL) == 0 &&
	    seen.index == own->index && seen.peer == pod->link->index)
		(void)quiet_stranger_elsewhere(pod_ns.rtnl, own, &mac, NULL);
	pod_ns_close(&pod_ns);
	return mac;
}

static int pod_look(const struct node *node, const struct shown_pod *pod,
		    struct several *found, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list inside = {};
	const struct link *own = NULL, *stranger;
	struct mac_addr mac;
	int ret = link_list_get_elsewhere(node->rtnl, pod->link->peer_ns_id, &inside,
					  err);

	if (ret == -EINVAL) /* the namespace has ended meanwhile */
		return error_clear(err);
	for (size_t i = 0; i < inside.n; i++)
		if (inside.items[i].index == pod->link->peer &&
		    inside.items[i].peer == pod->link->index)
			own = &inside.items[i];
	if (!own)
		return ret;
	stranger = quiet_stranger(&inside, own);
	mac = stranger ? stranger->mac : stranger_elsewhere(node, pod, own);
	if (mac.set && found->n++ == 0) {
		found->one = pod;
		found->mac = mac;
		snprintf(found->own, sizeof(found->own), "%s", own->name);
		if (stranger)
			snprintf(found->stranger, sizeof(found->stranger), "%s",
				 stranger->name);
	}
	return ret;
}

void quiet_pods_check(struct doctor *doctor, const struct network_facts *facts)
{
	const struct node *node = &facts->net->op->node;
	struct several found = {};
	struct cni_error err = {};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < facts->pods.n; i++) {
		const struct shown_pod *pod = &facts->pods.items[i];

		if (pod->recorded && pod->recorded->record.quiet && pod->link &&
		    pod->link->peer_ns_id >= 0)
			ret = pod_look(node, pod, &found, &err);
	}
	if (ret < 0)
		doctor_unseen(doctor, "interfaces in pods", &err);
	if (found.n == 0)
		return;
	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "pod %s%s: %s with the MAC address %s is behind its interface %s "
		    "(%s); with quietBridge no frame reaches it",
		    found.one->pod[0] ? found.one->pod : found.one->container_id,
		    found.n > 1 ? " and others" : "",
		    found.stranger[0] ? found.stranger
				      : "an interface of another namespace",
		    MAC_TEXT(&found.mac), found.own, found.one->host_ifname);
	doctor_advise(doctor, "give pods that send from several MAC addresses a network "
			      "without quietBridge, macspoofchk and spoofCheck; "
			      "bridge-cni.conf(5), QUIET BRIDGE, tells of them");
}
