/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules over ranges that a runtime asked for (runtimeConfig.ipRanges): each ADD may have
 * others, so they stay for the pods of that ADD when the next one has none.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_ASKED_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_ASKED_H

#include "ipam/store/record.h"
#include "plugin/nft/rules.h"

/* Is the address's rule over the ranges that its ADD was told of among those of @found, or
 * of those that last? */
int masquerade_asked_is_there(struct attachment *att, const struct record *record,
			      int family, const struct rule_list *found, bool *ret_there,
			      struct cni_error *err);

#endif
