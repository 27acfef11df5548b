/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says what a network needs of the kernel, from its keys. */
#include <sys/socket.h>

#include "conf/bandwidth_conf.h"
#include "conf/capabilities.h"
#include "conf/json/json_doc.h"
#include "kernel_feature.h"
#include "plugin/attachment/attachment.h"

static bool has_ipv6(const struct range_set_list *sets)
{
	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++)
			if (sets->items[i].ranges[k].subnet.addr.family == AF_INET6)
				return true;
	return false;
}

static uint32_t bit_if(bool needed, enum kernel_feature feature)
{
	return needed ? KERNEL_BIT(feature) : 0;
}

int kernel_needs(const struct attachment *net, uint32_t *ret_features,
		 struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	const struct network *network = net->network;
	struct capabilities capabilities = {};
	struct bandwidth rates = {}; /* of the configuration itself */
	bool ports, guards;
	int ret = json_parse(network->text, network->text_len, &doc, err);

	if (ret == 0)
		ret = capabilities_read(doc, &capabilities, err);
	if (ret == 0)
		ret = bandwidth_read(doc, &rates, err);
	if (ret < 0)
		return ret;
	ports = network->ports.expected;
	guards = (network->spoof_check && network->is_gateway) ||
		 network->port_isolation || network->routed || network->isolate;
	*ret_features =
		bit_if(switch_link_kind(net->switch_kind), KERNEL_BRIDGE) |
		bit_if(switch_has_bridge(net->switch_kind), KERNEL_VETH) |
		bit_if(net->switch_kind == SWITCH_MACVLAN, KERNEL_MACVLAN) |
		bit_if(net->switch_kind == SWITCH_IPVLAN, KERNEL_IPVLAN) |
		bit_if(network_native_vlan(network), KERNEL_VLANS) |
		bit_if(network->port_isolation || network->mac_spoof_check, KERNEL_PORT) |
		bit_if(has_ipv6(&network->ipam.sets), KERNEL_IPV6) |
		bit_if(capabilities.bandwidth || rates.ingress.rate || rates.egress.rate,
		       KERNEL_TBF) |
		bit_if(capabilities.bandwidth || rates.egress.rate, KERNEL_IFB) |
		bit_if(network->ip_masq, KERNEL_MASQUERADE) |
		bit_if(ports, KERNEL_HOST_PORTS) | bit_if(ports, KERNEL_PORT_RANGES) |
		bit_if(guards, KERNEL_GUARD) |
		bit_if(network->fast_path, KERNEL_FAST_PATH) |
		bit_if(network->mac_spoof_check, KERNEL_BRIDGE_RULES) |
		bit_if(net->switch_kind == SWITCH_BRIDGE && network->vlan &&
			       network->is_gateway,
		       KERNEL_UNTRACKED) |
		bit_if(ports || network->ip_masq, KERNEL_CONNECTIONS) |
		bit_if(ports, KERNEL_SCTP);
	return 0;
}
