/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys that the reference plugins accept and do nothing with are accepted here, too, and
 * nothing is done with them; but the operator is told, by @notices.
 */
#ifndef BRIDGE_CNI_CONF_ADVICE_H
#define BRIDGE_CNI_CONF_ADVICE_H

#include "request.h"

/*
 * Keys that are known at another place than theirs; and keys that no table knows but that are
 * spelled nearly as one that a table knows: at most two letters of the name are other, missing,
 * too many or swapped. Whether the rest of the
 * configuration is right doesn't matter.
 */
void advise_keys(const struct request *request, struct notices *notices);

/* Keys that do nothing because the network has no ipam.type. The configuration is read. */
void advise_ipam(const struct request *request, struct notices *notices);

/* Keys that do nothing for want of another one. The configuration is read. */
void advise_effects(const struct request *request, struct notices *notices);

#endif
