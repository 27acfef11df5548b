/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells which pod is behind a port of the bridge, in words for people. */
#ifndef BRIDGE_CNI_AGENT_NODE_PORT_POD_H
#define BRIDGE_CNI_AGENT_NODE_PORT_POD_H

#include "conf/pod.h"
#include "ipam/store/record.h"
#include "network_names.h"
#include "plugin/netlink/link.h"

/* Is the link a pod's: a veth whose other end is in another network namespace? */
bool port_is_pods(const struct link *port);

/* Reads the record of a pod of @network, which record_clear() frees. False: the port is
 * none of this network's, or its attachment has no record that can be read. */
bool port_record(const struct network_names *network, const struct link *port,
		 struct record *ret_record);

/*
 * Names the pod: "NAMESPACE/NAME" by its record; else the container's ID by the port's
 * alias; else the port itself. Returns @buf.
 */
const char *port_pod(const struct network_names *network, const struct link *port,
		     char buf[POD_NAME_MAX]);

/* Is the pod routed, not bridged (podLink)? Its record tells. */
bool port_is_routed(const struct network_names *network, const struct link *port);

#endif
