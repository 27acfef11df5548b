/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains of the table inet bridge_cni in which more than one stage has rules. nft refuses
 * a declaration that differs from the one that is there, so they are declared once. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_CHAINS_H
#define BRIDGE_CNI_PLUGIN_STAGE_CHAINS_H

#include "plugin/nft/rule_list.h"

extern const struct rules_chain chain_raw, chain_forward, chain_postrouting;

#endif
