/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The uplink's MTU is asked for again only when the kernel has told of a change. */
#include "tunnel_mtu.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <stdio.h>
#include <string.h>

#include "plugin/netlink/addr.h"
#include "plugin/node/sysctl.h"
#include "plugin/node/uplink.h"

#define IPV4_MIN_MTU 68 /* RFC 791 */
/* Bytes in front of and behind a pod's packet, over IPv4. */
#define WIREGUARD 60 /* IPv4 20, UDP 8, WireGuard's header 16 and tag 16 */
#define VXLAN	  50 /* IPv4 20, UDP 8, its header 8, the inner frame 14 */
#define IPV6_MORE 20 /* an IPv6 header is so much longer than IPv4's */

uint32_t tunnel_overhead(enum tunnel_mode mode, int underlay)
{
	uint32_t more = ip_families[underlay] == AF_INET6 ? IPV6_MORE : 0;

	switch (mode) {
	case TUNNEL_VXLAN:
		return VXLAN + more;
	case TUNNEL_WIREGUARD:
		return WIREGUARD + more;
	case TUNNEL_NONE:
	case TUNNEL_MODES:
		break;
	}
	return 0;
}

void tunnel_mtu_stale(struct tunnel_mtu *mtu)
{
	mtu->fresh = false;
}

/* Takes the MTU if it is the smallest so far. The loopback interface has more than a
 * packet can have: what has an address there leaves by another one. */
static void link_take(struct tunnel_mtu *mtu, const struct link *link)
{
	if (!link->mtu || link->mtu > UINT16_MAX ||
	    (mtu->uplink && link->mtu >= mtu->uplink))
		return;
	mtu->uplink = link->mtu;
	snprintf(mtu->ifname, sizeof(mtu->ifname), "%s", link->name);
}

/* Takes the interfaces of the default route. */
static int uplinks_take(struct tunnel_mtu *mtu, int family, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	int ret = uplink_list_get(mtu->rtnl, ip_families[family], &links, err);

	for (size_t i = 0; i < links.n; i++)
		link_take(mtu, &links.items[i]);
	return ret;
}

/* Takes the interface that has this node's InternalIP: packets to other nodes are sent
 * from that address. */
static int internal_take(struct tunnel_mtu *mtu, const struct ip_addr *addr,
			 struct cni_error *err)
{
	_cleanup_(link_addr_list_clear) struct link_addr_list list = {};
	int ret = link_addr_list_get(mtu->rtnl, addr->family, &list, err);

	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		struct link link = {};

		if (!ip_equal(&list.items[i].address.addr, addr))
			continue;
		ret = link_get_by_index(mtu->rtnl, list.items[i].index, &link, err);
		if (ret == 0)
			link_take(mtu, &link);
	}
	return ret;
}

static bool same_addresses(const struct tunnel_mtu *mtu, const struct cluster_node *own)
{
	for (int i = 0; i < IP_FAMILIES; i++)
		if (!ip_equal(&mtu->addresses[i], &own->addresses[i]))
			return false;
	return true;
}

int tunnel_mtu_refresh(struct tunnel_mtu *mtu, const struct cluster_node *own,
		       struct cni_error *err)
{
	struct tunnel_mtu found = *mtu;
	int ret = 0;

	if (mtu->fresh && same_addresses(mtu, own))
		return 0;
	found.uplink = 0;
	for (int i = 0; ret == 0 && i < IP_FAMILIES; i++) {
		found.addresses[i] = own->addresses[i];
		ret = uplinks_take(&found, i, err);
		if (ret == 0 && own->addresses[i].family)
			ret = internal_take(&found, &own->addresses[i], err);
	}
	if (ret < 0)
		return ret;
	/* A bridge that is made without an uplink has this MTU, too. */
	if (!found.uplink) {
		found.uplink = ETH_DATA_LEN;
		snprintf(found.ifname, sizeof(found.ifname), "no uplink");
	}
	found.fresh = true;
	*mtu = found;
	return 0;
}

/* The family of the underlay whose headers are longer: IPv6, where a peer may choose
 * it. */
static int widest_underlay(const struct cluster_node *own)
{
	for (int i = IP_FAMILIES - 1; i > 0; i--)
		if (own->addresses[i].family && own->internal[i] == ADDRESS_USABLE)
			return i;
	return 0;
}

/* The mode in use that adds more bytes. */
static enum tunnel_mode widest_mode(const struct options *options)
{
	return tunnel_overhead(options->tunnel, 0) >=
			       tunnel_overhead(options->tunnel_receive, 0)
		       ? options->tunnel
		       : options->tunnel_receive;
}

/* The smallest MTU that pods can have, in bytes. */
static uint32_t least_of(const struct cluster_node *own)
{
	return own->cidrs[1].addr.family ? IPV6_MIN_MTU : IPV4_MIN_MTU;
}

static int too_small(struct tunnel_mtu *mtu, uint32_t least, uint32_t overhead,
		     struct cni_error *err)
{
	enum tunnel_mode mode = widest_mode(mtu->options);

	snprintf(mtu->wrong, sizeof(mtu->wrong),
		 "%s has an MTU of %u, of which %s takes %u for each packet, and pods "
		 "%sneed %u: an MTU of %u or more is expected",
		 mtu->ifname, mtu->uplink, tunnel_mode_names[mode], overhead,
		 least == IPV6_MIN_MTU ? "with IPv6 " : "", least, least + overhead);
	return error_set(err, CNI_ERR_CONFIG, EMSGSIZE, "%s", mtu->wrong);
}

int tunnel_mtu_of_routes(struct tunnel_mtu *mtu, const struct cluster_node *own,
			 uint32_t *ret_mtu, struct cni_error *err)
{
	uint32_t overhead = tunnel_overhead(widest_mode(mtu->options),
					    widest_underlay(own));
	uint32_t least = least_of(own);
	int ret = overhead ? tunnel_mtu_refresh(mtu, own, err) : 0;

	if (ret < 0)
		return ret;
	mtu->wrong[0] = '\0';
	if (overhead && mtu->uplink < least + overhead)
		return too_small(mtu, least, overhead, err);
	*ret_mtu = overhead ? mtu->uplink - overhead : 0;
	return 0;
}

uint32_t tunnel_mtu_of_device(const struct tunnel_mtu *mtu,
			      const struct cluster_node *own, enum tunnel_mode mode,
			      int underlay)
{
	uint32_t overhead = tunnel_overhead(mode, underlay), least = least_of(own);

	return mtu->uplink > least + overhead ? mtu->uplink - overhead : least;
}

int tunnel_mtu_of_hops(struct cni_error *err)
{
	int ret = sysctl_ensure(1, err, "ipv4/ip_forward_use_pmtu");

	return ret < 0 ? ret : 0;
}
