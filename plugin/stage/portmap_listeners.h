/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostPortOverListener: a host port takes away the packets of a socket of the node that
 * waits for them, sshd's for example. Without host ports nothing is asked.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LISTENERS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LISTENERS_H

#include "plugin/attachment/attachment.h"

/*
 * Looks for sockets that lose packets to the attachment's host ports, and tells of each by
 * notice(); or, where the configuration refuses that, code 103 (-EADDRINUSE) with
 * the socket and its process. What the container runtime holds to keep the port is passed
 * over. A kernel that can't list sockets is told of only where the configuration refuses.
 */
int listeners_check(struct attachment *att, struct cni_error *err);

/* CHECK, repair: only tells; what listens may have come later. */
void listeners_tell(struct attachment *att);

#endif
