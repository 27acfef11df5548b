/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts back what somebody else flushed or deleted under the running pods of a network. */
#ifndef BRIDGE_CNI_PLUGIN_VERB_REPAIR_H
#define BRIDGE_CNI_PLUGIN_VERB_REPAIR_H

#include "plugin/attachment/attachment.h"

/*
 * From the configuration and the records, under the exclusive node lock: what @net's
 * attachments share, the bridge included, and their ports. Where none is connected nothing
 * is made: an ADD will. What was done, and errors of single parts, go to @net->op->report;
 * -errno with @err set where it could not begin (codes 5, 11, 101).
 */
int verb_repair(struct attachment *net, struct cni_error *err);

#endif
