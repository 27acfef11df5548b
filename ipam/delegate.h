/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A delegated IPAM: the executable that ipam.type names, run as the CNI specification
 * says ("Delegated Plugins"): found in CNI_PATH, with our CNI_* variables and our stdin.
 * Touches no kernel networking and no store; no lock must be held meanwhile.
 */
#ifndef BRIDGE_CNI_IPAM_DELEGATE_H
#define BRIDGE_CNI_IPAM_DELEGATE_H

#include "conf/attachment.h"

/* True when ipam.type names a plugin that isn't in this process. */
bool ipam_delegated(const struct net_conf *conf);

/*
 * Asks it for addresses: its result becomes @att->ipam, which must be empty, with at
 * least one address. When anything fails its DEL has been run. Errors: its own, code and
 * details kept; 7 it isn't to be found; 106 it can't be run, takes too long, or answers
 * something that is neither a result nor an error.
 */
int delegate_add(struct attachment *att, struct cni_error *err);

/* DEL, CHECK, STATUS or GC: its exit status counts. Errors as above. */
int delegate_run(const struct attachment *att, enum cni_verb verb, struct cni_error *err);

#endif
