/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removes what a network's attachments share, which no DEL removes. */
#ifndef BRIDGE_CNI_PLUGIN_VERB_CLEANUP_H
#define BRIDGE_CNI_PLUGIN_VERB_CLEANUP_H

#include "plugin/attachment/attachment.h"

struct cleanup_order {
	bool force; /* attachments that are left get their DEL first, alive or not */
	/* The store alone says that there is this network. Addresses in it without a
	 * record may be another program's. */
	bool by_store;
};

/*
 * Removes the network's rules, sets and tables, the gateways of its VLANs, and its files
 * in the store. It removes the bridge if it was made here and has no ports of others;
 * otherwise the gateway addresses that the network gave it. Dead attachments (reclaim.h)
 * get their DEL first. Where other attachments are left, and no force is ordered, nothing
 * is touched: code 103 names them. What was done goes to @net->op->report. Codes 5, 11,
 * 101, 105, and those of DEL.
 */
int verb_cleanup(struct attachment *net, const struct cleanup_order *order,
		 struct cni_error *err);

#endif
