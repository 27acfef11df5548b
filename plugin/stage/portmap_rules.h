/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules over the maps of host ports, constant in number for a network and family. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_RULES_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_RULES_H

#include "plugin/nft/rules.h"

/* Makes the list of the rules, with the sets that they look into and what fills those.
 * The gateway's interface must be known. Code 100. */
int portmap_rules_wanted(const struct attachment *att, struct rule_list *ret_list,
			 struct cni_error *err);

#endif
