/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removes what a network's attachments share, which no DEL does. */
#ifndef BRIDGE_CNI_PLUGIN_VERB_CLEANUP_H
#define BRIDGE_CNI_PLUGIN_VERB_CLEANUP_H

#include "plugin/attachment/attachment.h"

/*
 * Rules, sets and tables; the bridge, if it was made here and nobody else has a port of it,
 * otherwise the gateway addresses that the network gave it; the VLANs' gateways; the
 * network's files in the store. Dead attachments get their DEL. Where others are left
 * nothing is touched: code 103, naming them. What was done goes to @net->op->report.
 */
int verb_cleanup(struct attachment *net, struct cni_error *err);

/* The attachments that are left get their DEL first, alive or not. */
int verb_cleanup_force(struct attachment *net, struct cni_error *err);

#endif
