/* SPDX-License-Identifier: GPL-2.0-or-later */
/* STATUS: would an ADD succeed now? */
#ifndef BRIDGE_CNI_PLUGIN_VERB_STATUS_H
#define BRIDGE_CNI_PLUGIN_VERB_STATUS_H

#include "plugin/attachment/attachment.h"

/*
 * Ready means that the next ADD can succeed, as far as can be told without making anything.
 * Codes 50: not; 7: the configuration is wrong; a delegated IPAM's own; 101.
 */
int verb_status(struct attachment *att, struct cni_error *err);

/* The same of the store alone, for the executable under the name host-local. */
int ipam_verb_status(struct attachment *att, struct cni_error *err);

#endif
