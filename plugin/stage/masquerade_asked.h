/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules over ranges that a runtime asked for (runtimeConfig.ipRanges). Each ADD may be
 * told of others, so these rules are kept for the pods of that ADD when the next one is
 * told of none.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_ASKED_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_ASKED_H

#include "ipam/store/record.h"
#include "plugin/nft/rules.h"

/* Is the family's rule over the ranges that the record names among those of @found, or
 * among those that it has noted as kept? Code 100. */
int masquerade_asked_is_there(struct attachment *att, const struct record *record,
			      int family, const struct rule_list *found, bool *ret_there,
			      struct cni_error *err);

#endif
