/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One pod's attachment to a network, as it was asked for: its names, and what it is to
 * have. The runtime asks by its environment, and by runtimeConfig and args of the
 * configuration (request_read()). A pod is const once it is made.
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
	/* Names, borrowed; "" where the operation has none. */
	const char *container_id;
	const char *ifname; /* of the interface in the pod */
	const char *netns; /* path of its network namespace */
	/* The name of the interface on the node, which follows from the network's name
	 * and these names. */
	char host_ifname[IF_NAMESIZE];
	/* "NAMESPACE/NAME" of Kubernetes, for people; "": the runtime gives none, or none
	 * that Kubernetes would allow. */
	char name[POD_NAME_MAX];

	struct mac_addr mac; /* the address that is asked for; may be unset */
	struct bandwidth bandwidth; /* of the configuration, or else of runtimeConfig */
	struct pod_ports ports;
	bool mac_spoof_check; /* it may send from its MAC address alone */
	bool spoof_check; /* and from its IP addresses alone */
	bool routed; /* it shares no link with other pods (podLink) */
	bool quiet; /* the bridge knows where it is (quietBridge) */

	/* Addresses that are asked for. */
	struct ip_request_list runtime_ips; /* runtimeConfig.ips */
	struct ip_request_list args_ips; /* args.cni.ips */
	struct ip_addr args_ip; /* CNI_ARGS; family 0: none */

	/*
	 * Range sets of this pod alone (runtimeConfig.ipRanges). They are borrowed: they
	 * are the first ones of the network's, or there is one, @own_ranges.
	 */
	struct range_set_list ranges;
	struct range_set own_ranges; /* its array is owned */

	bool has_prev_result;
	struct cni_result prev_result; /* of earlier plugins of the chain, or of ADD */
};

/* Makes the pod of another attachment of the network: it has these names, borrowed, and
 * nothing else. */
void pod_name_only(const struct network *network, const char *container_id,
		   const char *ifname, struct pod *ret_pod);

/*
 * Is the port of the bridge to send frames back by which they came in? It is with
 * hairpinMode, and for a pod with host ports: where packets are translated on the bridge
 * (bridge-nf-call-iptables), the pod reaches its own host ports through its own port.
 */
bool pod_wants_hairpin(const struct network *network, const struct pod *pod);

/* Frees the arrays of a pod that request_read() has made. */
void pod_clear(struct pod *pod);

#endif
