/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes attachments from records, as ADD had them, for the stages to repair. */
#include "repair.h"

#include <sys/socket.h>

#include "ipam/ipam.h"
#include "ipam/pod_from_record.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/stage/bridge_alias.h"
#include "plugin/stage/forwarding.h"
#include "plugin/stage/groups.h"
#include "plugin/stage/isolate.h"
#include "plugin/stage/masquerade_settle.h"
#include "plugin/stage/neighbours_left.h"
#include "plugin/stage/portmap_localnet.h"
#include "plugin/stage/reclaim.h"
#include "plugin/stage/stages.h"
#include "plugin/stage/sweep.h"

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

/* A connected attachment, as its record tells of it. */
struct connected {
	struct pod pod;
	struct attachment att;
};

struct connected_list {
	struct connected *items; /* not moved: an attachment points to its pod */
	size_t n;
};

static void connected_list_clear(struct connected_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		attachment_clear(&list->items[i].att);
		pod_from_record_clear(&list->items[i].pod);
	}
	free(list->items);
}

static int connected_make(const struct attachment *net, const struct record *record,
			  struct connected *connected, struct cni_error *err)
{
	struct attachment *att = &connected->att;
	int ret = pod_from_record(net->network, record, &connected->pod, err);

	attachment_init(att, net->op, net->network, &connected->pod);
	att->record = record;
	attachment_follow_record(att, record);
	att->container_mac = record->mac;
	/* An ADD or DEL of this attachment that waits for the exclusive lock finishes by
	 * itself. The record of such an ADD doesn't have all yet. */
	att->given_up = node_is_changing(&net->op->node,
					 hash_text(connected->pod.host_ifname));
	return ret < 0 ? ret : addresses_fill(record, &att->ipam, err);
}

static int repair_all(struct attachment *net, const struct ipam_record_list *records,
		      struct cni_error *err)
{
	_cleanup_(connected_list_clear) struct connected_list list = {
		.items = calloc(records->n, sizeof(*list.items)),
	};
	_cleanup_(free_p) struct attachment **atts = calloc(records->n, sizeof(void *));
	int ret = list.items && atts ? 0 : error_oom(err);

	for (size_t i = 0; ret == 0 && i < records->n; i++) {
		ret = connected_make(net, &records->items[i], &list.items[list.n], err);
		atts[i] = &list.items[list.n++].att;
	}
	/* A bridge has pods of one kind, whatever the configuration says by now. */
	net->routed = records->items[0].routed[0];
	if (ret == 0)
		stages_repair(net, atts, records->n);
	return ret;
}

/* Deletes elements of pods whose interface is gone, whether their DEL will come or not:
 * their host ports lead nowhere, and would lead to the next pod that has the address. */
static int leftovers_delete(struct attachment *net, struct cni_error *err)
{
	size_t n;
	int ret = sweep_unconnected(net, &n, err);

	if (ret == 0 && n > 0)
		report_done(net, "elements of pods that are gone: %zu deleted", n);
	return ret;
}

/* An uplink that doesn't forward is somebody's decision, which stays, and whoever runs a
 * repair wants to know of it. */
static int uplinks_tell(struct attachment *net, const struct ipam_record_list *records,
			struct cni_error *err)
{
	for (size_t i = 0; net->network->is_gateway && i < records->n; i++)
		for (size_t k = 0; k < records->items[i].n; k++)
			if (records->items[i].addresses[k].address.addr.family == AF_INET)
				return forwarding_tell_uplinks(net, err);
	return 0;
}

static int repair_locked(struct attachment *net, struct ipam_record_list *records,
			 struct cni_error *err)
{
	int ret = node_lock(&net->op->node, NODE_EXCLUSIVE, err);

	if (ret == 0)
		ret = reclaim_released(net, err);
	if (ret == 0)
		ret = leftovers_delete(net, err);
	if (ret == 0)
		ret = localnet_settle(net, err);
	if (ret == 0)
		ret = ipam_connected(&net->ipam_env, records, err);
	if (ret == 0 && records->n > 0) {
		/* An earlier version may have made all that is shared. */
		ipam_note_owner(&net->ipam_env, net->network);
		ret = repair_all(net, records, err);
	} else if (ret == 0) {
		ret = masquerade_settle(net, err);
		if (ret == 0)
			ret = isolate_settle(net, err);
	}
	if (ret == 0)
		ret = uplinks_tell(net, records, err);
	if (ret == 0)
		ret = bridge_alias_settle(net, err);
	if (ret == 0)
		ret = neighbours_sweep(net, err);
	return ret < 0 ? ret : groups_settle(net, err);
}

static int repair(struct attachment *net, struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list records = {};
	int ret = repair_locked(net, &records, err);

	node_unlock(&net->op->node);
	if (records.n > 0)
		stages_repair_unlocked(net);
	return ret;
}

int verb_repair(struct attachment *net, struct cni_error *err)
{
	return attachment_run(net, repair, err);
}
