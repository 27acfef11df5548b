/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes an attachment from what was asked for, and frees what it owns. */
#include "attachment.h"

#include "conf/json/json_doc.h"
#include "ipam/store/record.h"
#include "rules_seen.h"

void attachment_init(struct attachment *att, struct operation *op,
		     const struct network *network, const struct pod *pod)
{
	*att = (struct attachment){
		.network = network,
		.pod = pod,
		.op = op,
		.switch_kind = network->switch_kind,
		.bridge = network->bridge,
		.owner = network->owner,
		.ipam_env =
			{
				.data_dir = network->ipam.data_dir,
				.network = network->name,
				.bridge = network->bridge,
				.are_given = network_takes_prev_result(network),
				.kernel = &op->kernel.ipam,
				.notices = &op->notices,
				.looks = op->looks,
				.tell_wait = op->tell_wait,
			},
		.pod_ns = POD_NS_CLOSED,
		.routed = pod->routed,
		.quiet = pod->quiet,
	};
}

void attachment_clear(struct attachment *att)
{
	pod_ns_close(&att->pod_ns);
	cni_result_clear(&att->ipam);
	free(att->resolv_text);
	json_doc_free(att->ipam_doc);
	rules_seen_free(att->rules_seen);
}

void attachment_set_switch(struct attachment *att, enum switch_kind kind,
			   const char *bridge)
{
	att->switch_kind = kind;
	if (bridge == att->bridge)
		return;
	att->bridge = bridge;
	att->ipam_env.bridge = bridge;
	att->owner = identity_owner(att->network->name, bridge,
				    att->network->ipam.data_dir);
}

void attachment_follow_record(struct attachment *att, const struct record *record)
{
	attachment_set_switch(att, record->switch_kind,
			      record_is_on(record, att->bridge) ? att->bridge
								: record->bridge);
}

int attachment_open_pod(struct attachment *att, struct cni_error *err)
{
	struct operation *op = att->op;
	int ret = pod_ns_open(&op->node, att->pod->netns, op->env->netns_override,
			      &att->pod_ns, err);

	op->kernel.pod_ns = &att->pod_ns;
	return ret;
}

int attachment_run(struct attachment *att,
		   int (*work)(struct attachment *att, struct cni_error *err),
		   struct cni_error *err)
{
	int ret = operation_open(att->op, err);

	if (ret == 0)
		ret = work(att, err);
	operation_close(att->op);
	return ret;
}

struct ip_prefix attachment_pod_address(const struct attachment *att,
					const struct ip_config *ip)
{
	struct ip_prefix address = ip->address;

	if (att->routed)
		address.len = ip_bits(address.addr.family);
	return address;
}

bool attachment_uses(const struct attachment *att, int family)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++)
		if (att->ipam.ips.items[i].address.addr.family == family)
			return true;
	return false;
}
