/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The next step of a rotation, and what the log says of the WireGuard devices and their
 * keys. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_KEEP_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_KEEP_H

#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"
#include "tunnel_wireguard.h"

void wireguard_keep_log(const struct log *log, const char *device,
			const struct tunnel_wireguard_done *done);

/* As tunnel_wireguard_rotate(); what it does is logged, and nodes that it waits for are
 * named. */
int wireguard_keep_rotate(struct tunnel_wireguard *wireguard,
			  const struct options *options, const struct log *log,
			  struct cni_error *err);

#endif
