/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the attachment's record and, with the in-process IPAM, reserves its addresses.
 * It is the first of all stages: the record is there before anything that it tells of,
 * and goes last. Without ipam.type there are no addresses (a layer 2 network), or those
 * that an earlier plugin of the list gave (prevResult). Addresses of another type are
 * ipam_delegated.c's.
 */
#include <errno.h>

#include "ipam/ipam.h"
#include "ipam_result.h"
#include "reclaim.h"
#include "stages.h"

/* Reserves the addresses. Where they come from elsewhere, or there are none, it writes
 * the record alone. */
static int reserve_or_record(struct attachment *att, struct cni_error *err)
{
	return ipam_in_process(att->network)
		       ? ipam_reserve(&att->ipam_env, att->network, att->pod, &att->ipam,
				      &att->resolv_text, err)
		       : ipam_record_write(&att->ipam_env, att->network, att->pod,
					   &att->ipam, err);
}

/* Tries again where dead attachments (reclaim.h) were in the way, after their DEL: the
 * one of the same names, or all where no address is free. */
static int reserve_after_reclaim(struct attachment *att, struct cni_error *err)
{
	int ret = reserve_or_record(att, err);
	bool namesake = ret == -ESTALE;

	if (!namesake && ret != -EADDRNOTAVAIL)
		return ret;
	error_clear(err);
	ret = namesake ? reclaim_namesake(att, err) : reclaim_network(att, err);
	return ret < 0 ? ret : reserve_or_record(att, err);
}

/* Takes addresses and routes of an earlier plugin of the list. The answer has its dns
 * anyway. */
static int prev_result_take(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *prev = &att->pod->prev_result;
	struct cni_result *ipam = &att->ipam;
	int ret;

	ipam->ips.items = calloc(prev->ips.n + 1, sizeof(*ipam->ips.items));
	ipam->routes.items = calloc(prev->routes.n + 1, sizeof(*ipam->routes.items));
	if (!ipam->ips.items || !ipam->routes.items)
		return error_oom(err);
	for (size_t i = 0; i < prev->ips.n; i++) {
		ipam->ips.items[i] = prev->ips.items[i];
		ipam->ips.items[i].interface = -1;
	}
	for (size_t i = 0; i < prev->routes.n; i++)
		ipam->routes.items[i] = prev->routes.items[i];
	ipam->ips.n = prev->ips.n;
	ipam->routes.n = prev->routes.n;
	ret = ipam_result_complete(att, err);
	return ret < 0 ? ret
		       : policy_check_answer(att->op->rule, ipam,
					     att->network->is_gateway, err);
}

static int ipam_add(struct attachment *att, struct cni_error *err)
{
	int ret = network_takes_prev_result(att->network) ? prev_result_take(att, err)
							  : 0;

	if (ret == 0)
		ret = reserve_after_reclaim(att, err);
	if (ret < 0 || !ipam_in_process(att->network))
		return ret;
	ret = ipam_result_complete(att, err);
	if (ret < 0)
		ipam_release(&att->ipam_env, att->pod, &att->was_last, NULL);
	return ret;
}

static int ipam_stage_check(struct attachment *att, struct cni_error *err)
{
	return ipam_in_process(att->network) ? ipam_check(&att->ipam_env, att->pod,
							  att->network, &att->ipam, err)
					     : 0;
}

static int ipam_del(struct attachment *att, struct cni_error *err)
{
	return ipam_release(&att->ipam_env, att->pod, &att->was_last, err);
}

const struct stage stage_ipam = {
	.name = "ipam",
	.add = ipam_add,
	.check = ipam_stage_check,
	.del = ipam_del,
};
