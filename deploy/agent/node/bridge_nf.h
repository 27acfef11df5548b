/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps net.bridge.bridge-nf-call-iptables and -ip6tables at what the pods' link needs.
 * These parameters say whether what passes between two ports of a bridge goes through the
 * rules of the IP layer, and they hold for all bridges of the node. A Service whose pod
 * is on the client's own node sees its bridged client only with 1, since the answer comes
 * back over the bridge and has to be translated there; with 0 the plugin masquerades the
 * connection, so that it works at the price of its source. Routed it works only with 0,
 * since with 1 the kernel would bridge what was translated, which isolated ports refuse.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_BRIDGE_NF_H
#define BRIDGE_CNI_AGENT_NODE_BRIDGE_NF_H

#include <stdbool.h>
#include <stdint.h>

#include "deploy/agent/base/log.h"
#include "network_names.h"
#include "plugin/netlink/netlink.h"

/* The caller sets the first four fields, which it keeps, and the rest to 0. */
struct bridge_nf {
	const struct network_names *network;
	const struct log *log;
	struct netlink *rtnl, *nft;
	bool settled; /* the parameters have been right for pods of this kind ... */
	bool routed; /* ... which are routed, not bridged */
	bool wrong; /* they aren't what they should be, and can't be set */
	bool absent; /* since the module br_netfilter isn't loaded */
	bool tried; /* the kernel was asked to load the module, and it isn't there yet */
	uint64_t mended; /* how often somebody else's change was undone */
	int64_t told_at; /* by now_ms(): when such a change was logged last */
	uint64_t others_hash; /* of the other bridges that were logged last */
	uint64_t error; /* of log_error_once() */
};

/* Sees to it that the parameters are right for pods that are @routed, or bridged. Where
 * the kernel has no such parameters, that is right for routed pods; for bridged ones it
 * is asked, once, to load the module that has them. False: they are wrong and stay so,
 * which is logged. */
bool bridge_nf_keep(struct bridge_nf *nf, bool routed);

/* Names in the log, once, the other bridges of the node that may need the other value. */
void bridge_nf_tell_others(struct bridge_nf *nf);

#endif
