/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of macspoofchk and spoofCheck, as text. Their sets are
 * spoofcheck_elements.h's. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_SPOOFCHECK_RULES_H
#define BRIDGE_CNI_PLUGIN_STAGE_SPOOFCHECK_RULES_H

#include "plugin/nft/rules.h"

/*
 * Lists the rules of @network, with the sets that they look into. @addresses: those of
 * spoofCheck are needed, too. Where they are not, they may be there for pods of a time
 * when spoofCheck was configured. Code 100.
 */
int spoof_rules_wanted(const struct network *network, bool addresses,
		       struct rule_list *ret_list, struct cni_error *err);

#endif
