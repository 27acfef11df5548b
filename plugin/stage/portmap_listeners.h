/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostPortOverListener: a host port takes the packets away from a socket of the node that
 * waits for them, sshd's for example. Without host ports nothing is asked of the kernel.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LISTENERS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LISTENERS_H

#include "plugin/attachment/attachment.h"

/*
 * ADD: looks for sockets that lose packets to the attachment's host ports, and tells of
 * each by notice(). Where the configuration refuses that, code 103 (-EADDRINUSE) names
 * the socket and its process. A socket by which the container runtime keeps the port is
 * passed over. Where the kernel can't list sockets, the operator is told only if the
 * configuration refuses.
 */
int listeners_check(struct attachment *att, struct cni_error *err);

/* CHECK, repair: only tells, as a process may have come to listen after the ADD. */
void listeners_tell(struct attachment *att);

#endif
