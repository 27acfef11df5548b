/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Uninstalling from a node (--cleanup). Pods that are running keep all that they need:
 * the bridge, its addresses and the rules go only when no pod is left, and the executable
 * stays for the pods' DEL.
 */
#ifndef BRIDGE_CNI_AGENT_CLEANUP_H
#define BRIDGE_CNI_AGENT_CLEANUP_H

#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"

/*
 * Takes the agent lock over; then removes the configuration, the routes and, by
 * `bridge-cni cleanup`, what pods share. Codes 4, 5, 11, 100, 101.
 */
int agent_cleanup(const struct options *options, const struct log *log,
		  struct cni_error *err);

#endif
