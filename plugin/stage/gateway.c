/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * isGateway: gateway addresses on the bridge, and forwarding in the families in use. All
 * pods share them, so every ADD looks at them, changes them under the exclusive lock, and
 * DEL leaves them.
 */
#include <sys/socket.h>

#include "forwarding.h"
#include "gateway.h"
#include "portmap_localnet.h"
#include "stages.h"

bool gateway_uses(const struct attachment *att, int family)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++)
		if (att->ipam.ips.items[i].gateway.family == family)
			return true;
	return false;
}

static int gateway_add(struct attachment *att, struct cni_error *err)
{
	int ret;

	if (!att->network->is_gateway)
		return 0;
	ret = gateway_addresses_ensure(att, err);
	att->gateway_added = ret == GATEWAY_ADDED;
	if (att->gateway_added || ret == GATEWAY_OUTDATED)
		ret = 0;
	for (size_t i = 0; ret == 0 && i < IP_FAMILIES; i++)
		if (gateway_uses(att, ip_families[i]))
			ret = forwarding_ensure(att, ip_families[i], err);
	/* Only the ADD that adds a gateway address tells, as asking in each ADD would
	 * cost too much. A repair tells once, in verb_repair(). */
	if (ret < 0 || !att->gateway_added || attachment_is_repaired(att) ||
	    !gateway_uses(att, AF_INET))
		return ret;
	localnet_tell_all(att);
	return forwarding_tell_uplinks(att, err);
}

static int gateway_check(struct attachment *att, struct cni_error *err)
{
	int ret;

	if (!att->network->is_gateway)
		return 0;
	ret = gateway_addresses_check(att, err);
	for (size_t i = 0; ret == 0 && i < IP_FAMILIES; i++)
		if (gateway_uses(att, ip_families[i]))
			ret = forwarding_check(att, ip_families[i], err);
	return ret;
}

const struct stage stage_gateway = {
	.name = "gateway",
	.switches = SWITCH_BIT(SWITCH_BRIDGE) | SWITCH_BIT(SWITCH_OVS),
	.add = gateway_add,
	.check = gateway_check,
	.repair = gateway_add,
};
