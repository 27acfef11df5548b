/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all stages work on: one container's attachment to one network. The first part is
 * what was asked (const once read), the second what the stages found out or made.
 */
#ifndef BRIDGE_CNI_CONF_ATTACHMENT_H
#define BRIDGE_CNI_CONF_ATTACHMENT_H

#include <net/if.h>

#include "env.h"
#include "net_conf.h"

struct json_doc;
struct node;

struct attachment {
	/* Asked. */
	struct cni_env env;
	struct json_doc *doc; /* owns the strings of conf */
	struct net_conf conf;

	/* Derived from the identity (network name, container ID, interface name). */
	char host_ifname[IF_NAMESIZE];

	/* Made. */
	struct cni_result ipam; /* ips (interface -1), routes and dns that IPAM gave; on
				 * CHECK the same as prevResult has them */
	char *resolv_text; /* owns the strings of ipam.dns */
	struct mac_addr bridge_mac, host_mac, container_mac;
	uint32_t bridge_mtu, mtu; /* mtu: both ends of the veth */

	/* plugin/node.h: the namespaces, sockets and locks of this operation. */
	struct node *node;
};

#endif
