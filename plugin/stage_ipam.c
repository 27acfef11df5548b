/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of the attachment by the in-process IPAM. Without ipam.type there are
 * none: a layer 2 network. Another type's are stage_ipam_exec.c's.
 */
#include "../ipam/ipam.h"
#include "ipam_result.h"
#include "stages.h"

static int ipam_add(struct attachment *att, struct cni_error *err)
{
	int ret;

	if (!ipam_in_process(&att->conf))
		return 0;
	ret = ipam_reserve(att, err);
	if (ret < 0)
		return ret;
	ret = ipam_result_complete(att, err);
	if (ret < 0) {
		struct cni_error ignored = {};

		ipam_release(att, &ignored);
	}
	return ret;
}

static int ipam_stage_check(struct attachment *att, struct cni_error *err)
{
	return ipam_in_process(&att->conf) ? ipam_check(att, err) : 0;
}

static int ipam_del(struct attachment *att, struct cni_error *err)
{
	return ipam_in_process(&att->conf) ? ipam_release(att, err) : 0;
}

const struct stage stage_ipam = {
	.name = "ipam",
	.add = ipam_add,
	.check = ipam_stage_check,
	.del = ipam_del,
};
