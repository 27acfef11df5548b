/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ADD, DEL and CHECK of the IPAM plugin, on the store alone. */
#include "host_local.h"

#include <errno.h>

#include "conf/ranges.h"
#include "conf/result.h"
#include "ipam/ipam.h"
#include "plugin/attachment/kernel.h"

/* Reserves addresses, and tries again where files that name nobody were in the way:
 * ipam_stale() gives those back. */
static int reserve(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list none = {};
	int ret = ipam_reserve(&att->ipam_env, att->network, att->pod, &att->ipam,
			       &att->resolv_text, err);

	if (ret != -EADDRNOTAVAIL)
		return ret;
	error_clear(err);
	ret = ipam_stale(&att->ipam_env, &none, err);
	return ret < 0 ? ret
		       : ipam_reserve(&att->ipam_env, att->network, att->pod, &att->ipam,
				      &att->resolv_text, err);
}

static int add(struct attachment *att, answer_fn print, struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	struct cni_error undo_err = {};
	int ret = reserve(att, err);

	if (ret < 0)
		return ret;
	text = result_text(&att->ipam, att->network->version);
	ret = text ? print(text, err) : error_oom(err);
	if (ret < 0 &&
	    ipam_release(&att->ipam_env, att->pod, &att->was_last, &undo_err) < 0)
		error_details(err, "undoing it failed, too: %s", undo_err.msg);
	return ret;
}

int ipam_verb_add(struct attachment *att, answer_fn print, struct cni_error *err)
{
	kernel_boot_only(&att->op->kernel);
	return add(att, print, err);
}

int ipam_verb_del(struct attachment *att, struct cni_error *err)
{
	int ret;

	kernel_boot_only(&att->op->kernel);
	ret = ipam_release(&att->ipam_env, att->pod, &att->was_last, err);
	return ret;
}

int ipam_verb_check(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *prev = &att->pod->prev_result;
	struct cni_result *ipam = &att->ipam;
	int ret;

	ipam->ips.items = calloc(prev->ips.n + 1, sizeof(*ipam->ips.items));
	if (!ipam->ips.items)
		return error_oom(err);
	for (size_t i = 0; i < prev->ips.n; i++)
		if (range_sets_have(&att->network->ipam.sets,
				    &prev->ips.items[i].address.addr))
			ipam->ips.items[ipam->ips.n++] = prev->ips.items[i];
	kernel_boot_only(&att->op->kernel);
	ret = ipam_check_any(&att->ipam_env, att->pod, err);
	if (ret == 0)
		ret = ipam_check(&att->ipam_env, att->pod, att->network, &att->ipam, err);
	return ret;
}
