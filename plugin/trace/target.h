/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where to, as it is typed. */
#ifndef BRIDGE_CNI_PLUGIN_TRACE_TARGET_H
#define BRIDGE_CNI_PLUGIN_TRACE_TARGET_H

#include "find.h"

/* Reads the target: "ADDRESS", "ADDRESS:PORT", for IPv6 "[ADDRESS]:PORT". -EINVAL, code
 * 7. */
int trace_ask(struct trace *trace, struct cni_error *err);

#endif
