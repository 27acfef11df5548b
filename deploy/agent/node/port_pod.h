/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists the pods of the bridge, and tells which pod is behind a port, in words for people.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_PORT_POD_H
#define BRIDGE_CNI_AGENT_NODE_PORT_POD_H

#include "conf/pod.h"
#include "ipam/store/record.h"
#include "network_names.h"
#include "plugin/netlink/link.h"

/* Is the link a pod's: a veth whose other end is in another network namespace? */
bool port_is_pods(const struct link *port);

/* Does the link's alias say that it is an attachment's of this network? */
bool port_is_networks(const struct network_names *network, const struct link *port);

/*
 * Lists the links of pods that are ports of the bridge with the index @bridge (0: there is
 * none), and those of @network's pods that are no bridge's ports: their bridge was deleted.
 * `bridge-cni repair` makes it anew, and only then makes the pods its ports again, one
 * after the other. The pods run all the while. Code 101.
 */
int port_list_get(struct netlink *nl, const struct network_names *network,
		  unsigned int bridge, struct link_list *ret_ports,
		  struct cni_error *err);

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

/* Is the pod routed, not bridged (podLink)? The pod's record tells. It isn't read for a
 * port that isn't isolated, as the port of a routed pod is isolated. */
bool port_is_routed(const struct network_names *network, const struct link *port);

#endif
