/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port of a pod that is checked for spoofing is up only while the pod's elements are
 * in the sets. The bridge has a fixed entry for such a pod, and for a pod with
 * quietBridge.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORT_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORT_H

#include "plugin/attachment/attachment.h"

/* Adds the bridge's entry for the pod's MAC address, and sets the port of a checked pod
 * up. What groups.c and neighbours.c have for the pod's addresses goes along. Where it fails,
 * the port is down. Code 101; code 103: it is the address of the bridge, or of another port
 * that has a fixed entry. */
int port_open(struct attachment *att, struct cni_error *err);

/* Sets the port down, before the elements go. A port that isn't there is no error. Code
 * 101. */
int port_close(struct attachment *att, struct cni_error *err);

#endif
