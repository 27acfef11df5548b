/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fills a new record from the network's configuration, the pod and the kernel. */
#include "new_record.h"

bool makes_records(const struct ipam_env *env)
{
	return env->kernel && env->kernel->has_interface;
}

/* Writes the ranges of this ADD alone into the record, for whoever writes the
 * attachment's rules anew. A record that has no room for all of them gets none. */
static int ranges_fill(const struct range_set_list *sets, struct record *record,
		       struct cni_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < sets->n; i++)
		n += sets->items[i].n;
	if (n == 0 || n > RECORD_ADDRESSES)
		return 0;
	record->ranges = calloc(n, sizeof(*record->ranges));
	if (!record->ranges)
		return error_oom(err);
	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++)
			record->ranges[record->ranges_n++] =
				sets->items[i].ranges[k].subnet;
	return 0;
}

int new_record_fill(const struct ipam_env *env, const struct network *network,
		    const struct pod *pod, struct record *ret_record,
		    struct cni_error *err)
{
	*ret_record = (struct record){
		.network = env->network,
		.container_id = pod->container_id,
		.ifname = pod->ifname,
		.boot = env->kernel->boot_id,
		.netns = pod->netns,
		.bridge = env->bridge,
		.switch_kind = network->switch_kind,
		.unseen = macvlan_is_unseen(network->switch_kind, &network->macvlan),
		.ovs_socket = network->ovs.socket,
		.cookie = env->kernel->netns_cookie(env->kernel),
		.node = env->kernel->node_cookie(env->kernel),
		.mac = pod->mac,
		.spoof_check = pod->mac_spoof_check,
		.native_vlan = network_native_vlan(network),
		.spoof_addresses = pod->spoof_check	  ? RECORD_YES
				   : pod->mac_spoof_check ? RECORD_NO
							  : RECORD_NOT_TOLD,
		.isolated = network->port_isolation,
		.masquerade = network->ip_masq ? RECORD_YES : RECORD_NO,
		.bandwidth = pod->bandwidth,
		.pod = pod->name,
		.quiet = pod->quiet,
	};
	if (pod->routed)
		network_gateway_ifname(network, ret_record->routed);
	/* Without a gateway the node has no interface in the VLAN. */
	if (pod->quiet && (!network->vlan || network->is_gateway))
		network_gateway_ifname(network, ret_record->neighbours);
	return ranges_fill(&pod->ranges, ret_record, err);
}
