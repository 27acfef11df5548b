/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ADD, DEL and CHECK of the IPAM plugin: the store, and nothing else. */
#include "ipam_verbs.h"

#include "../conf/result.h"
#include "../ipam/ipam.h"

int ipam_verb_add(struct attachment *att, answer_fn print, struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	struct cni_error undo_err = {};
	int ret = ipam_reserve(att, err);

	if (ret < 0)
		return ret;
	text = result_text(&att->ipam, att->conf.version);
	ret = text ? print(text, err) : error_oom(err);
	if (ret < 0 && ipam_release(att, &undo_err) < 0)
		error_details(err, "undoing it failed, too: %s", undo_err.msg);
	return ret;
}

int ipam_verb_del(struct attachment *att, struct cni_error *err)
{
	return ipam_release(att, err);
}

static bool is_of_the_ranges(const struct range_set_list *sets, const struct ip_addr *ip)
{
	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++)
			if (prefix_contains(&sets->items[i].ranges[k].subnet, ip))
				return true;
	return false;
}

int ipam_verb_check(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *prev = &att->conf.prev_result;
	struct cni_result *ipam = &att->ipam;
	int ret;

	ipam->ips.items = calloc(prev->ips.n + 1, sizeof(*ipam->ips.items));
	if (!ipam->ips.items)
		return error_oom(err);
	for (size_t i = 0; i < prev->ips.n; i++)
		if (is_of_the_ranges(&att->conf.ipam.sets,
				     &prev->ips.items[i].address.addr))
			ipam->ips.items[ipam->ips.n++] = prev->ips.items[i];
	ret = ipam_check_any(att, err);
	return ret < 0 ? ret : ipam_check(att, err);
}
