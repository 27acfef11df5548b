/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each fact, from where an attachment or a record has it. */
#include "pod_facts.h"

#include <string.h>

const struct ip_prefix *pod_facts_address(const struct pod_facts *pod, size_t i)
{
	return pod->given ? &pod->given[i].address : &pod->recorded[i].address;
}

static void first_addresses_find(struct pod_facts *pod)
{
	for (size_t i = pod->n; i-- > 0;) {
		const struct ip_prefix *address = pod_facts_address(pod, i);

		for (int f = 0; f < IP_FAMILIES; f++)
			if (address->addr.family == ip_families[f])
				pod->addresses[f] = *address;
	}
}

void pod_facts_of_attachment(const struct attachment *att, struct pod_facts *ret_pod)
{
	*ret_pod = (struct pod_facts){
		.label = att->pod->name[0] ? att->pod->name : att->pod->container_id,
		.mac = att->container_mac,
		.mac_spoof_check = att->pod->mac_spoof_check,
		.spoof_check = att->pod->spoof_check ? RECORD_YES : RECORD_NO,
		.ports = &att->pod->ports.mappings,
		.masq_all = att->pod->ports.masq_all,
		.given = att->ipam.ips.items,
		.n = att->ipam.ips.n,
	};
	memcpy(ret_pod->host_ifname, att->pod->host_ifname, IF_NAMESIZE);
	first_addresses_find(ret_pod);
}

void pod_facts_of_record(const struct record *record, struct pod_facts *ret_pod)
{
	*ret_pod = (struct pod_facts){
		.label = record->pod[0] ? record->pod : record->container_id,
		.mac = record->mac,
		.mac_spoof_check = record->spoof_check,
		.spoof_check = record->spoof_addresses,
		.ports = &record->ports,
		.masq_all = record->masq_all,
		.recorded = record->addresses,
		.n = record->n,
	};
	identity_host_ifname(record->network, record->container_id, record->ifname,
			     ret_pod->host_ifname);
	first_addresses_find(ret_pod);
}

bool pod_facts_held(const struct attachment *att, struct pod_facts *ret_pod)
{
	if (att->record)
		pod_facts_of_record(att->record, ret_pod);
	return att->record != NULL;
}
