/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts back what somebody else flushed or deleted under the running pods of a network. */
#ifndef BRIDGE_CNI_PLUGIN_VERB_REPAIR_H
#define BRIDGE_CNI_PLUGIN_VERB_REPAIR_H

#include "plugin/attachment/attachment.h"

/*
 * Repairs, from the configuration and the records, what @net's attachments share, the
 * bridge included, and their ports. Takes the exclusive node lock. Where no attachment is
 * connected nothing is made: an ADD will make it. What was done, and errors of single
 * parts, go to @net->op->report. -errno with @err set where it could not begin (codes 5,
 * 11, 101).
 */
int verb_repair(struct attachment *net, struct cni_error *err);

#endif
