/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One pod's attachment to a network, as far as it was asked for: whose it is, and what it
 * is to have. The runtime asks by its environment, by runtimeConfig and by args of the
 * configuration (pod_from_request()); later the record of the attachment tells the same
 * (ipam/pod_from_record.h). Const once made.
 */
#ifndef BRIDGE_CNI_CONF_POD_H
#define BRIDGE_CNI_CONF_POD_H

#include <net/if.h>

#include "bandwidth_conf.h"
#include "ip_requests.h"
#include "network.h"
#include "port_mappings.h"

#define POD_NAME_MAX 320 /* a DNS label, a DNS subdomain (RFC 1123) */

struct pod {
	/* Borrowed; "" where the operation is asked for without. */
	const char *container_id;
	const char *ifname; /* of the interface in the pod */
	const char *netns; /* path of its network namespace */
	/* Of the interface on the node: it follows from the network's name and these
	 * names. */
	char host_ifname[IF_NAMESIZE];
	/* "NAMESPACE/NAME" as Kubernetes has them, for people; "": not told, or not
	 * spelled as Kubernetes does. */
	char name[POD_NAME_MAX];

	struct mac_addr mac; /* asked for; may be unset */
	struct bandwidth bandwidth; /* the configuration's, else of runtimeConfig */
	struct pod_ports ports;
	bool mac_spoof_check; /* it sends from its MAC address alone */
	bool spoof_check; /* and from its IP addresses */

	/* Addresses asked for. */
	struct ip_request_list runtime_ips; /* runtimeConfig.ips */
	struct ip_request_list args_ips; /* args.cni.ips */
	struct ip_addr args_ip; /* CNI_ARGS; family 0: none */

	/*
	 * Range sets that only this ADD was told of (runtimeConfig.ipRanges). Borrowed
	 * from the network's, whose first ones they are, or, by a record, of the array
	 * below.
	 */
	struct range_set_list ranges;
	struct range_set recorded; /* its ranges are owned */

	bool has_prev_result;
	struct cni_result
		prev_result; /* what earlier plugins of the chain, or ADD, answered */
};

/* Of another attachment of the network, by its names, which are borrowed. */
void pod_name_only(const struct network *network, const char *container_id,
		   const char *ifname, struct pod *ret_pod);

/*
 * The port of the bridge sends back what comes by it: hairpinMode, or a pod with host
 * ports, which reaches its own through its own port where packets are translated on the
 * bridge (bridge-nf-call-iptables).
 */
bool pod_wants_hairpin(const struct network *network, const struct pod *pod);

/* Frees the arrays of a pod that request_read() made. */
void pod_clear(struct pod *pod);

#endif
