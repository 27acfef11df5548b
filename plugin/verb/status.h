/* SPDX-License-Identifier: GPL-2.0-or-later */
/* STATUS: would an ADD succeed now? */
#ifndef BRIDGE_CNI_PLUGIN_VERB_STATUS_H
#define BRIDGE_CNI_PLUGIN_VERB_STATUS_H

#include "plugin/attachment/attachment.h"

/*
 * Tells whether the next ADD can succeed, as far as that can be told without making
 * anything. Code 50: it can't; 7: the configuration is wrong; 5, 11: the store; a
 * delegated IPAM's own codes; 101.
 */
int verb_status(struct attachment *att, struct cni_error *err);

/* STATUS for the executable under the name host-local: asks the store alone. Codes 5, 11,
 * 50. */
int ipam_verb_status(struct attachment *att, struct cni_error *err);

#endif
