/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wanted gateways are compared with those that the kernel has. A gateway keeps
 * answering all the while: in IPv4 it gets its address alone before it loses the one with
 * the subnet, because an interface that loses its last address forgets its neighbours. In
 * IPv6 an address can be there only once, and one message follows the other.
 */
#include "former_gateways.h"

#include <errno.h>
#include <sys/socket.h>

#include "kernel_routes.h"
#include "plugin/netlink/addr.h"

#define BATCH_MAX 128 /* messages in one send */

/* The work on one family. */
struct sync {
	struct netlink *nl;
	const struct former_gateways *wanted;
	int family; /* an index of ip_families[] */
	unsigned int index; /* of the interface; 0: there is none */
	struct addr_list addresses; /* that it has */
	struct kernel_route_list routes; /* to pods of this node */
	size_t queued;
};

static struct ip_prefix alone(const struct ip_addr *addr)
{
	return (struct ip_prefix){*addr, ip_bits(addr->family)};
}

static bool is_kept(const struct sync *sync, const struct former_address *item)
{
	return sync->index && !item->taken &&
	       item->gateway.family == ip_families[sync->family] &&
	       !ip_is_link_local6(&item->gateway);
}

static bool is_present(const struct sync *sync, const struct ip_addr *addr)
{
	return ip_equal(addr, &sync->wanted->present[sync->family].addr);
}

static bool has_gateway(const struct sync *sync, const struct ip_addr *addr, bool kept)
{
	const struct former_address_list *list = sync->wanted->addresses;

	for (size_t i = 0; i < list->n; i++)
		if (ip_equal(&list->items[i].gateway, addr) &&
		    (!kept || is_kept(sync, &list->items[i])))
			return true;
	return false;
}

static bool has_source(const struct sync *sync, const struct ip_addr *addr)
{
	for (size_t i = 0; i < sync->routes.n; i++)
		if (ip_equal(&sync->routes.items[i].source, addr))
			return true;
	return false;
}

static int queued(struct sync *sync, struct cni_error *err)
{
	if (++sync->queued < BATCH_MAX)
		return 0;
	sync->queued = 0;
	return netlink_commit(sync->nl, err);
}

/* -- what is added */

static int gateway_add(struct sync *sync, const struct ip_addr *gateway,
		       struct cni_error *err)
{
	const char *ifname = sync->wanted->ifname;
	struct ip_prefix host = alone(gateway);

	if (is_present(sync, gateway) || addr_list_has(&sync->addresses, &host))
		return 0;
	for (size_t i = 0; gateway->family == AF_INET6 && i < sync->addresses.n; i++)
		if (ip_equal(&sync->addresses.items[i].addr, gateway))
			queue_addr_del(sync->nl, sync->index, ifname,
				       &sync->addresses.items[i]);
	queue_addr_set(sync->nl, sync->index, ifname, &host);
	return queued(sync, err);
}

static const struct kernel_route *route_find(const struct sync *sync,
					     const struct ip_prefix *dst)
{
	for (size_t i = 0; i < sync->routes.n; i++)
		if (prefix_equal(&sync->routes.items[i].route.dst, dst))
			return &sync->routes.items[i];
	return NULL;
}

static int route_add(struct sync *sync, const struct former_address *item,
		     struct cni_error *err)
{
	struct kernel_route route = {
		.route.dst = alone(&item->address.addr),
		.index = sync->index,
		.protocol = ROUTE_PROTOCOL,
		.source = item->gateway,
	};
	const struct kernel_route *is = route_find(sync, &route.route.dst);

	if (is && is->index == route.index && ip_equal(&is->source, &route.source))
		return 0;
	queue_route_set(sync->nl, &route, is);
	return queued(sync, err);
}

static int add(struct sync *sync, struct cni_error *err)
{
	const struct former_address_list *list = sync->wanted->addresses;
	const struct ip_addr *last = NULL;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < list->n; i++) {
		if (!is_kept(sync, &list->items[i]))
			continue;
		if (!last || !ip_equal(last, &list->items[i].gateway))
			ret = gateway_add(sync, &list->items[i].gateway, err);
		last = &list->items[i].gateway;
		if (ret == 0)
			ret = route_add(sync, &list->items[i], err);
	}
	return ret;
}

/* -- what is removed */

static bool is_wanted(const struct sync *sync, const struct kernel_route *route)
{
	const struct former_address_list *list = sync->wanted->addresses;

	for (size_t i = 0; i < list->n; i++)
		if (is_kept(sync, &list->items[i]) &&
		    ip_equal(&list->items[i].address.addr, &route->route.dst.addr))
			return true;
	return false;
}

static int routes_remove(struct sync *sync, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < sync->routes.n; i++) {
		if (is_wanted(sync, &sync->routes.items[i]))
			continue;
		queue_route_del(sync->nl, &sync->routes.items[i]);
		ret = queued(sync, err);
	}
	return ret;
}

static bool was_before(const struct sync *sync, const struct ip_prefix *address)
{
	for (size_t i = 0; i < FORMER_GATEWAYS_BEFORE; i++)
		if (prefix_equal(address, &sync->wanted->before[i][sync->family]))
			return true;
	return false;
}

/* With its subnet no former gateway stays; alone it stays for its pods. */
static bool goes(const struct sync *sync, const struct ip_prefix *address)
{
	const struct ip_addr *addr = &address->addr;
	bool former = has_gateway(sync, addr, false);

	if (is_present(sync, addr))
		return false;
	if (address->len < ip_bits(addr->family))
		return former ? addr->family == AF_INET || !has_gateway(sync, addr, true)
			      : was_before(sync, address);
	return (former || has_source(sync, addr)) && !has_gateway(sync, addr, true);
}

static int gateways_remove(struct sync *sync, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = sync->addresses.n; ret == 0 && i-- > 0;) {
		if (!goes(sync, &sync->addresses.items[i]))
			continue;
		queue_addr_del(sync->nl, sync->index, sync->wanted->ifname,
			       &sync->addresses.items[i]);
		ret = queued(sync, err);
	}
	return ret;
}

/* -- a family */

static int routes_read(struct sync *sync, struct cni_error *err)
{
	size_t kept = 0;
	int ret = route_list_get(sync->nl, ip_families[sync->family], &sync->routes, err);

	for (size_t i = 0; ret == 0 && i < sync->routes.n; i++)
		if (kernel_route_is_pods(&sync->routes.items[i]))
			sync->routes.items[kept++] = sync->routes.items[i];
	sync->routes.n = kept;
	return ret;
}

static int sync_family(struct sync *sync, struct cni_error *err)
{
	int ret = routes_read(sync, err);

	sync->index = netlink_ifindex(sync->nl, sync->wanted->ifname);
	if (ret == 0 && sync->index)
		ret = addr_list_get(sync->nl, sync->index, ip_families[sync->family],
				    &sync->addresses, err);
	if (ret >= 0)
		ret = add(sync, err);
	/* The kernel removes routes with their source. */
	if (ret == 0)
		ret = routes_remove(sync, err);
	if (ret == 0)
		ret = gateways_remove(sync, err);
	if (ret == 0)
		ret = netlink_commit(sync->nl, err);
	kernel_route_list_clear(&sync->routes);
	addr_list_clear(&sync->addresses);
	return ret;
}

static bool is_race(int ret)
{
	return ret == -EEXIST || ret == -ESRCH || ret == -EADDRNOTAVAIL ||
	       ret == -ENODEV || ret == -ENETDOWN;
}

int former_gateways_sync(struct netlink *nl, const struct former_gateways *wanted,
			 struct cni_error *err)
{
	int ret = 0;

	for (int family = 0; ret == 0 && family < IP_FAMILIES; family++) {
		struct sync sync = {.nl = nl, .wanted = wanted, .family = family};

		ret = sync_family(&sync, err);
	}
	if (!is_race(ret))
		return ret;
	error_clear(err);
	return FORMER_GATEWAYS_AGAIN;
}

int former_gateways_remove(struct netlink *nl, const char *ifname, struct cni_error *err)
{
	const struct ip_prefix none[IP_FAMILIES] = {};
	const struct former_address_list nobody = {};
	const struct former_gateways wanted = {
		.ifname = ifname,
		.addresses = &nobody,
		.present = none,
		.before = {none, none},
	};
	int ret = former_gateways_sync(nl, &wanted, err);

	return ret < 0 ? ret : 0;
}
