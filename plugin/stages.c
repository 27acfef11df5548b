/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of stages, and how each verb walks it. */
#include "stages.h"

static const struct stage *const stages[] = {
	&stage_ipam,	 &stage_reference,  &stage_bridge,    &stage_veth,
	&stage_vlan,	 &stage_ipam_exec,  &stage_addresses, &stage_gateway,
	&stage_announce, &stage_masquerade,
};

/* Undoes the first @n stages, last first; reports the first error, goes on past all. */
static int undo(struct attachment *att, size_t n, struct cni_error *err)
{
	int first = 0;

	while (n-- > 0) {
		struct cni_error own = {};
		int ret;

		if (!stages[n]->del)
			continue;
		ret = stages[n]->del(att, &own);
		if (ret < 0 && first == 0) {
			first = ret;
			*err = own;
		}
	}
	return first;
}

int stages_add(struct attachment *att, struct cni_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		struct cni_error undo_err = {};
		int ret;

		if (!stages[i]->add)
			continue;
		ret = stages[i]->add(att, err);
		if (ret == 0)
			continue;
		if (undo(att, i, &undo_err) < 0)
			error_details(err, "undoing it failed, too: %s", undo_err.msg);
		return ret;
	}
	return 0;
}

int stages_check(struct attachment *att, struct cni_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		int ret = stages[i]->check ? stages[i]->check(att, err) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

int stages_del(struct attachment *att, struct cni_error *err)
{
	return undo(att, ARRAY_SIZE(stages), err);
}
