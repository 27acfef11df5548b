/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fills each field of a pod from where the record has it. */
#include "pod_from_record.h"

#include <stdio.h>

int pod_from_record(const struct network *network, const struct record *record,
		    struct pod *ret_pod, struct cni_error *err)
{
	struct pod *pod = ret_pod;

	pod_name_only(network, record->container_id, record->ifname, pod);
	pod->mac = record->mac;
	pod->bandwidth = record->bandwidth;
	pod->ports.mappings = record->ports;
	pod->ports.masq_all = record->masq_all;
	pod->mac_spoof_check = record->spoof_check;
	pod->spoof_check = record->spoof_check &&
			   record_says(record->spoof_addresses, network->spoof_check);
	pod->routed = record->routed[0];
	pod->quiet = record->quiet;
	snprintf(pod->name, sizeof(pod->name), "%s", record->pod);
	if (record->ranges_n == 0)
		return 0;
	pod->own_ranges.ranges = calloc(record->ranges_n,
					sizeof(*pod->own_ranges.ranges));
	if (!pod->own_ranges.ranges)
		return error_oom(err);
	for (size_t i = 0; i < record->ranges_n; i++)
		pod->own_ranges.ranges[pod->own_ranges.n++].subnet = record->ranges[i];
	pod->ranges = (struct range_set_list){&pod->own_ranges, 1};
	return 0;
}

void pod_from_record_clear(struct pod *pod)
{
	free(pod->own_ranges.ranges);
	*pod = (struct pod){};
}
