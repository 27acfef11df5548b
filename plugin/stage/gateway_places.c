/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the addresses and subnets in the way of a gateway address that is missing. */
#include "gateway_places.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/netlink/link.h"
#include "plugin/node/node.h"
#include "gateway_subnet.h"
#include "gateway_users.h"

static bool is_ours(const struct cni_result *ipam, const struct ip_prefix *address)
{
	for (size_t i = 0; i < ipam->ips.n; i++) {
		struct ip_prefix gateway = gateway_prefix(&ipam->ips.items[i]);

		if (gateway.addr.family && prefix_equal(&gateway, address))
			return true;
	}
	return false;
}

static bool is_configured(const struct network *network, const struct ip_prefix *address)
{
	const struct range_set_list *sets = &network->ipam.sets;

	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++) {
			const struct ip_range *range = &sets->items[i].ranges[k];
			struct ip_prefix gateway = {range->gateway, range->subnet.len};

			if (prefix_equal(&gateway, address))
				return true;
		}
	return false;
}

/* Does the configuration itself name ranges of that family? Those of the runtime are one
 * pod's. */
static bool names_ranges(const struct network *network, int family)
{
	for (size_t i = network->ipam.runtime_sets; i < network->ipam.sets.n; i++)
		if (network->ipam.sets.items[i].ranges[0].subnet.addr.family == family)
			return true;
	return false;
}

struct gateway_search {
	const char *bridge;
	const struct ip_prefix *address;
	/* gateways of host-local's addresses; otherwise of another IPAM plugin's */
	bool in_process;
	bool found;
};

static int record_search(const struct record *record, void *data, struct cni_error *err)
{
	struct gateway_search *search = data;

	(void)err;
	if (record->bridge[0] && strcmp(record->bridge, search->bridge) != 0)
		return 0;
	for (size_t i = 0; i < record->n; i++) {
		struct ip_prefix gateway = {record->addresses[i].gateway,
					    record->addresses[i].address.len};

		if (gateway.addr.family && prefix_equal(&gateway, search->address) &&
		    record->addresses[i].reserved == search->in_process)
			search->found = true;
	}
	return 0;
}

/* Repair: was the pod's ADD told of the gateway's subnet by runtimeConfig.ipRanges? */
static bool is_asked(const struct attachment *att, const struct ip_prefix *gateway)
{
	for (size_t i = 0; i < att->record->ranges_n; i++)
		if (prefix_contains(&att->record->ranges[i], &gateway->addr))
			return true;
	return false;
}

/* Repair: has @ip, one of @att's addresses, the gateway of an earlier configuration? */
static bool is_outdated(const struct attachment *att, const struct ip_config *ip)
{
	struct ip_prefix gateway = gateway_prefix(ip);
	size_t i = ip - att->ipam.ips.items;

	if (!attachment_is_repaired(att) || !gateway.addr.family)
		return false;
	if (att->record->addresses[i].reserved != ipam_in_process(att->network))
		return true;
	return names_ranges(att->network, gateway.addr.family) &&
	       !is_asked(att, &gateway) && !is_configured(att->network, &gateway);
}

static bool has_outdated(const struct attachment *att, int family)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++)
		if (att->ipam.ips.items[i].gateway.family == family &&
		    is_outdated(att, &att->ipam.ips.items[i]))
			return true;
	return false;
}

/*
 * May @address stay beside the network's gateways? Gateways of one configuration stand
 * side by side. Where the configuration names no ranges (they are another IPAM plugin's,
 * or the runtime's), records tell which gateways pods have. Where it names some, a
 * gateway that it doesn't name is of an earlier configuration. The kernel's own
 * link-local address is in nobody's way.
 */
static int may_stay(struct attachment *att, const struct ip_prefix *address,
		    bool *ret_stay, struct cni_error *err)
{
	struct gateway_search search = {
		.bridge = att->bridge,
		.address = address,
		.in_process = ipam_in_process(att->network),
		.found = is_ours(&att->ipam, address) ||
			 ip_is_link_local6(&address->addr) ||
			 (is_configured(att->network, address) &&
			  !has_outdated(att, address->addr.family)),
	};
	int ret = 0;

	if (!search.found && !names_ranges(att->network, address->addr.family))
		ret = ipam_record_each(&att->ipam_env, record_search, &search, err);
	if (ret == 0)
		*ret_stay = search.found;
	return ret;
}

int gateway_strangers(struct attachment *att, const struct addr_list *list,
		      struct addr_list *ret_strangers, struct cni_error *err)
{
	struct addr_list strangers = {
		.items = calloc(list->n + 1, sizeof(*strangers.items))};
	int ret = strangers.items ? 0 : error_oom(err);

	for (size_t i = 0; ret == 0 && i < list->n; i++) {
		bool stay = false;

		ret = may_stay(att, &list->items[i], &stay, err);
		if (!stay)
			strangers.items[strangers.n++] = list->items[i];
	}
	if (ret < 0) {
		addr_list_clear(&strangers);
		return ret;
	}
	*ret_strangers = strangers;
	return 0;
}

/* Repair: forceAddress says that the gateway of an earlier configuration gives way, so it
 * doesn't come back. */
static bool is_former(const struct attachment *att, const struct ip_config *ip)
{
	return att->network->force_address && is_outdated(att, ip);
}

/*
 * Is @other in the way of @gateway? In IPv4 any other address is, in IPv6 one whose
 * network overlaps. An address that stands alone, without a subnet, is in nobody's way:
 * the node agent keeps the gateway of pods of a former podCIDR so.
 */
static bool is_in_the_way(const struct ip_prefix *gateway, const struct ip_prefix *other)
{
	if (gateway->addr.family != other->addr.family)
		return false;
	if (other->len == ip_bits(other->addr.family))
		return ip_equal(&gateway->addr, &other->addr);
	return gateway->addr.family == AF_INET ||
	       prefix_contains(gateway, &other->addr) ||
	       prefix_contains(other, &gateway->addr);
}

bool gateway_is_missing(const struct attachment *att, const struct ip_config *ip,
			const struct addr_list *list)
{
	struct ip_prefix gateway = gateway_prefix(ip);

	return gateway.addr.family && !addr_list_has(list, &gateway) &&
	       !is_former(att, ip);
}

const struct ip_config *gateway_displaced(const struct attachment *att,
					  const struct addr_list *list,
					  const struct ip_prefix *other)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		const struct ip_config *ip = &att->ipam.ips.items[i];
		struct ip_prefix gateway = gateway_prefix(ip);

		if (gateway_is_missing(att, ip, list) && is_in_the_way(&gateway, other))
			return ip;
	}
	return NULL;
}

/* Has the bridge no port but this attachment's? */
static int bridge_is_idle(struct attachment *att, bool *ret_idle, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	size_t others = 0;
	int ret = link_list_get(att->op->node.rtnl, &links, err);

	for (size_t i = 0; i < links.n; i++)
		others += links.items[i].master == att->bridge_index &&
			  strcmp(links.items[i].name, att->pod->host_ifname) != 0;
	if (ret == 0)
		*ret_idle = others == 0 && !att->port_is_foreign;
	return ret;
}

enum place {
	PLACE_REFUSED,
	PLACE_FORCED, /* the stranger in the place is removed */
	PLACE_OUTDATED, /* repair: the gateway is outdated, and stays away */
};

/* Decides who gives way. forceAddress says it, but a repair takes a gateway from nobody's
 * pods. */
static int place_judge(struct attachment *att, const struct ip_config *ip,
		       const struct ip_prefix *stranger, enum place *ret_place,
		       struct cni_error *err)
{
	struct ip_prefix gateway = gateway_prefix(ip);
	struct gateway_users users = {};
	enum place place = att->network->force_address ? PLACE_FORCED : PLACE_REFUSED;
	int ret = 0;

	if (attachment_is_repaired(att))
		ret = gateway_users_count(att, stranger, &users, err);
	if (is_outdated(att, ip) || (users.own > 0 && is_asked(att, &gateway)))
		place = PLACE_OUTDATED;
	else if (users.others > 0)
		place = PLACE_REFUSED;
	if (ret == 0)
		*ret_place = place;
	return ret;
}

static int displaced_refuse(struct attachment *att, const struct ip_prefix *gateway,
			    const struct ip_prefix *other, struct cni_error *err)
{
	if (att->network->force_address)
		return error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
				 "bridge: %s is to have the gateway address %s but has "
				 "%s, which is the gateway of another network's pods; "
				 "give one of the two networks another bridge",
				 att->gateway_ifname, PREFIX_TEXT(gateway),
				 PREFIX_TEXT(other));
	if (ipam_gateway_is_ours(&att->ipam_env, att->gateway_ifname, other))
		return error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
				 "bridge: %s is to have the gateway address %s but has "
				 "%s, which this network gave it before; both stay where "
				 "the two subnets are in one range set of ipam.ranges; "
				 "forceAddress takes the earlier one from its pods",
				 att->gateway_ifname, PREFIX_TEXT(gateway),
				 PREFIX_TEXT(other));
	return error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
			 "bridge: %s is to have the gateway address %s but has %s; "
			 "change the network's subnet or bridge; or remove that where "
			 "nobody needs it, as forceAddress does",
			 att->gateway_ifname, PREFIX_TEXT(gateway), PREFIX_TEXT(other));
}

/*
 * Checks the addresses in the places of missing gateways. Such an address is an error,
 * unless forceAddress removes it, or it is of an earlier range of this network (the
 * node's podCIDR has changed) on a bridge that is idle: there the reference fails for
 * ever. A gateway of an earlier configuration is not put back (PLACE_OUTDATED).
 */
static int displaced_check(struct attachment *att, const struct addr_list *list,
			   const struct addr_list *strangers, struct cni_error *err)
{
	bool idle = false, outdated = false;
	int ret = 0;

	if ((!att->network->force_address || attachment_is_repaired(att)) &&
	    att->gateway_index == att->bridge_index)
		ret = bridge_is_idle(att, &idle, err);
	for (size_t i = 0; ret == 0 && i < strangers->n; i++) {
		const struct ip_prefix *other = &strangers->items[i];
		const struct ip_config *ip = gateway_displaced(att, list, other);
		struct ip_prefix gateway;
		enum place place = PLACE_REFUSED;

		if (!ip || (idle && ipam_gateway_is_ours(&att->ipam_env,
							 att->gateway_ifname, other)))
			continue;
		ret = place_judge(att, ip, other, &place, err);
		outdated = outdated || place == PLACE_OUTDATED;
		if (ret < 0 || place != PLACE_REFUSED)
			continue;
		gateway = gateway_prefix(ip);
		ret = displaced_refuse(att, &gateway, other, err);
	}
	return ret == 0 && outdated ? GATEWAY_OUTDATED : ret;
}

/* Is the pod's namespace the node's (CNI_NETNS_OVERRIDE)? Then the pod's own interface,
 * among the node's, has the subnet. */
static bool is_on_node(const struct attachment *att)
{
	return att->op->env->netns_override && att->pod_ns.rtnl &&
	       netlink_cookie(att->pod_ns.rtnl) == netlink_cookie(att->op->node.rtnl);
}

/*
 * Is a missing gateway's subnet elsewhere on the node? A repair puts back what was
 * accepted once, as pods run with it.
 */
static int subnets_check(struct attachment *att, const struct addr_list *list,
			 struct cni_error *err)
{
	int ret = 0;

	if (att->network->force_address || attachment_is_repaired(att) || is_on_node(att))
		return 0;
	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++) {
		const struct ip_config *ip = &att->ipam.ips.items[i];
		struct ip_prefix gateway = gateway_prefix(ip);

		if (!gateway_is_missing(att, ip, list))
			continue;
		/* A link-local gateway is in no subnet: the pod's address is. */
		ret = subnet_elsewhere(
			att->op->node.rtnl, att->bridge, att->gateway_ifname,
			ip_is_link_local6(&gateway.addr) ? &ip->address : &gateway, err);
	}
	return ret;
}

int gateway_places_check(struct attachment *att, const struct addr_list *list,
			 const struct addr_list *strangers, struct cni_error *err)
{
	int ret = displaced_check(att, list, strangers, err);

	return ret != 0 ? ret : subnets_check(att, list, err);
}
