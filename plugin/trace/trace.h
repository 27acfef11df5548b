/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `bridge-cni doctor --trace`: sends one ping, or makes one TCP connection, from a pod's
 * namespace, and tells hop by hop where it got to. Meanwhile it has rules of its own in
 * nftables, which tell of this flow's packets and do nothing with them. The kernel removes
 * them when the process ends, however it ends. Nothing else is changed.
 */
#ifndef BRIDGE_CNI_PLUGIN_TRACE_TRACE_H
#define BRIDGE_CNI_PLUGIN_TRACE_TRACE_H

#include "find.h"

/*
 * Traces, and prints a line for each hop, or all of them as JSON. Returns the exit status:
 * 0, it came through; 1, it did, but the target refuses the connection; 2, it did not come
 * through, or nothing could be sent.
 */
int trace_end(struct trace *trace, struct doctor *doctor, bool as_json);

#endif
