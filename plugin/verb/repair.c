/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes attachments of records again, as ADD had them, for the stages to look after. */
#include "repair.h"

#include <stdio.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/stage/elements.h"
#include "plugin/attachment/kernel.h"
#include "plugin/stage/portmap_localnet.h"
#include "plugin/stage/reclaim.h"
#include "plugin/attachment/report.h"
#include "plugin/stage/stages.h"

static int addresses_fill(const struct record *record, struct cni_result *ipam,
			  struct cni_error *err)
{
	ipam->ips.items = calloc(record->n + 1, sizeof(*ipam->ips.items));
	if (!ipam->ips.items)
		return error_oom(err);
	for (size_t i = 0; i < record->n; i++)
		ipam->ips.items[ipam->ips.n++] = (struct ip_config){
			.address = record->addresses[i].address,
			.gateway = record->addresses[i].gateway,
			.interface = -1,
		};
	return 0;
}

static int attachment_of(const struct attachment *net, const struct record *record,
			 struct attachment *att, struct cni_error *err)
{
	*att = attachment_beside(net, CNI_REPAIR, record->container_id, record->ifname);
	att->record = record;
	att->container_mac = record->mac;
	att->conf.bandwidth = record->bandwidth;
	att->conf.ports.mappings = record->ports;
	att->conf.ports.masq_all = record->masq_all;
	att->conf.mac_spoof_check = record->spoof_check;
	att->conf.spoof_check = record->spoof_check &&
				record_says(record->spoof_addresses,
					    net->conf.spoof_check);
	snprintf(att->pod, sizeof(att->pod), "%s", record->pod);
	/* An ADD that waits for the exclusive lock makes the rest itself, and its record
	 * doesn't say yet what that is. */
	att->given_up = node_is_changing(net->node, hash_text(att->host_ifname));
	return addresses_fill(record, &att->ipam, err);
}

static int repair_all(struct attachment *net, const struct ipam_record_list *records,
		      struct cni_error *err)
{
	struct attachment *atts = calloc(records->n, sizeof(*atts));
	int ret = atts ? 0 : error_oom(err);

	for (size_t i = 0; ret == 0 && i < records->n; i++)
		ret = attachment_of(net, &records->items[i], &atts[i], err);
	if (ret == 0)
		stages_repair(net, atts, records->n);
	for (size_t i = 0; atts && i < records->n; i++) {
		attachment_notices_move(&atts[i], net);
		cni_result_clear(&atts[i].ipam);
	}
	free(atts);
	return ret;
}

/* By ports of whoever is gone packets would go to the next owner of its address. */
static int leftovers_delete(struct attachment *net, struct cni_error *err)
{
	size_t n;
	int ret = elements_sweep(net, NULL, &n, err);

	if (ret == 0 && n > 0)
		report_done(net, "elements of pods that are gone: %zu deleted", n);
	return ret;
}

static int repair_locked(struct attachment *net, struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list records = {};
	int ret = node_lock(net->node, NODE_EXCLUSIVE, err);

	if (ret == 0)
		ret = reclaim_released(net, err);
	if (ret == 0)
		ret = leftovers_delete(net, err);
	if (ret == 0)
		ret = localnet_settle(net, err);
	if (ret == 0)
		ret = ipam_connected(net, &records, err);
	return ret < 0 || records.n == 0 ? ret : repair_all(net, &records, err);
}

int verb_repair(struct attachment *net, struct cni_error *err)
{
	return kernel_run(net, repair_locked, err);
}
