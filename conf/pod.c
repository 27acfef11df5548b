/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a pod from its names, and frees what a pod owns. */
#include "pod.h"

#include "identity.h"
#include "conf/json/json_table.h"

void pod_name_only(const struct network *network, const char *container_id,
		   const char *ifname, struct pod *ret_pod)
{
	*ret_pod = (struct pod){
		.container_id = container_id,
		.ifname = ifname,
		.netns = "",
	};
	identity_host_ifname(network->name, container_id, ifname, ret_pod->host_ifname);
}

bool pod_wants_hairpin(const struct network *network, const struct pod *pod)
{
	return network->hairpin_mode || (pod->ports.mappings.n > 0 &&
					 network->ports.snat && !network->promisc_mode);
}

void pod_clear(struct pod *pod)
{
	pod_ports_clear(&pod->ports);
	json_clear(&ip_requests_type, &pod->runtime_ips);
	json_clear(&ip_requests_type, &pod->args_ips);
	cni_result_clear(&pod->prev_result);
	*pod = (struct pod){};
}
