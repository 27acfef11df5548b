/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Uninstalling from a node by hand (--cleanup), without an agent that runs. */
#ifndef BRIDGE_CNI_AGENT_CLEANUP_H
#define BRIDGE_CNI_AGENT_CLEANUP_H

#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"

/*
 * Uninstalls (uninstall.h), and ends when that is done. Where pods are connected,
 * --uninstall says whether it waits or goes on; without that nothing is changed, and code
 * 103 names the pods, or code 11 says that they can't be told. An agent that runs on the
 * node is asked to do nothing more. Codes 4, 5, 11, 100, 101.
 */
int agent_cleanup(const struct options *options, const struct log *log,
		  struct cni_error *err);

#endif
