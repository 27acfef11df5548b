/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libnl-route-3 builds and reads the messages about a device. A message that it has built
 * becomes the body of one in the connection's own queue, whose errors have the kernel's
 * own words.
 */
#include "vxlan_link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/vxlan.h>
#include <string.h>

#include "plugin/netlink/build.h"

/* -- reading */

static void local_read(struct rtnl_link *object, struct ip_addr *ret_local)
{
	struct nl_addr *local = NULL;

	*ret_local = (struct ip_addr){};
	if (rtnl_link_vxlan_get_local(object, &local) < 0)
		return;
	if (nl_addr_get_len(local) == ip_size(nl_addr_get_family(local))) {
		ret_local->family = nl_addr_get_family(local);
		memcpy(ret_local->bytes, nl_addr_get_binary_addr(local),
		       nl_addr_get_len(local));
	}
	nl_addr_put(local);
}

/* Kernels that don't know a feature don't tell of it, which is a negative number. */
static bool is_plain(struct rtnl_link *object)
{
	struct nl_addr *group = NULL;
	uint32_t flags = 0, link = 0;

	if (rtnl_link_vxlan_get_group(object, &group) == 0)
		nl_addr_put(group);
	(void)rtnl_link_vxlan_get_flags(object, &flags);
	(void)rtnl_link_vxlan_get_link(object, &link);
	return !group && !flags && !link && rtnl_link_vxlan_get_learning(object) <= 0 &&
	       rtnl_link_vxlan_get_proxy(object) <= 0 &&
	       rtnl_link_vxlan_get_rsc(object) <= 0 &&
	       rtnl_link_vxlan_get_l2miss(object) <= 0 &&
	       rtnl_link_vxlan_get_l3miss(object) <= 0 &&
	       rtnl_link_vxlan_get_udp_csum(object) != 0 &&
	       rtnl_link_vxlan_get_udp_zero_csum6_tx(object) <= 0 &&
	       rtnl_link_vxlan_get_udp_zero_csum6_rx(object) <= 0 &&
	       rtnl_link_vxlan_get_remcsum_tx(object) <= 0 &&
	       rtnl_link_vxlan_get_remcsum_rx(object) <= 0 &&
	       rtnl_link_vxlan_get_collect_metadata(object) <= 0;
}

static void vxlan_read(struct rtnl_link *object, struct vxlan_link *link)
{
	uint32_t port = 0;
	uint8_t mode = 0;

	link->is_vxlan = true;
	(void)rtnl_link_vxlan_get_id(object, &link->vni);
	(void)rtnl_link_vxlan_get_port(object, &port);
	link->port = (uint16_t)port;
	local_read(object, &link->local);
	link->plain = is_plain(object);
	/* Without IPv6 there is no mode, and no address. */
	link->no_link_local = rtnl_link_inet6_get_addr_gen_mode(object, &mode) < 0 ||
			      mode == IN6_ADDR_GEN_MODE_NONE;
}

static void link_read(struct nl_object *parsed, void *data)
{
	struct rtnl_link *object = (struct rtnl_link *)parsed;
	const struct nl_addr *mac = rtnl_link_get_addr(object);
	const char *kind = rtnl_link_get_type(object), *name = rtnl_link_get_name(object);
	struct vxlan_link *link = data;

	link->index = (unsigned int)rtnl_link_get_ifindex(object);
	if (name)
		memcpy(link->name, name, strnlen(name, IF_NAMESIZE - 1));
	link->up = rtnl_link_get_flags(object) & IFF_UP;
	link->mtu = rtnl_link_get_mtu(object);
	if (mac && nl_addr_get_len(mac) == MAC_LEN) {
		link->mac.set = true;
		memcpy(link->mac.bytes, nl_addr_get_binary_addr(mac), MAC_LEN);
	}
	if (kind && strcmp(kind, "vxlan") == 0)
		vxlan_read(object, link);
}

static int answer_parse(const struct nlmsghdr *answer, struct vxlan_link *link)
{
	struct nl_msg *message = nlmsg_convert((struct nlmsghdr *)answer);
	int ret;

	if (!message)
		return -ENOMEM;
	nlmsg_set_proto(message, NETLINK_ROUTE);
	ret = nl_msg_parse(message, link_read, link);
	nlmsg_free(message);
	return ret < 0 ? -EBADMSG : 0;
}

static int answer_take(const struct nlmsghdr *answer, void *data)
{
	struct vxlan_link *link = data;

	*link = (struct vxlan_link){};
	return answer ? answer_parse(answer, link) : 0;
}

static struct builder begin_link(struct netlink *nl, struct nlmsghdr *msg,
				 unsigned int index)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index};

	return begin(nl, msg, &header, sizeof(header));
}

int vxlan_link_get(struct netlink *nl, const char *name, struct vxlan_link *ret_link,
		   struct cni_error *err)
{
	struct builder b = begin_link(
		nl, netlink_queue(nl, RTM_GETLINK, 0, "looking %s up", name), 0);
	int ret;

	/* With RTEXT_FILTER_SKIP_STATS the mode of IPv6 addresses would not be told. */
	put_string(b, IFLA_IFNAME, name);
	ret = netlink_request(nl, answer_take, ret_link, ENODEV, err);
	return ret == NETLINK_EXPECTED ? 0 : ret;
}

struct each {
	vxlan_link_fn fn;
	void *data;
};

static int each_take(const struct nlmsghdr *answer, void *data)
{
	const struct each *each = data;
	struct vxlan_link link;
	int ret = answer_take(answer, &link);

	if (ret == 0 && link.is_vxlan)
		each->fn(&link, each->data);
	return ret;
}

int vxlan_link_each(struct netlink *nl, vxlan_link_fn fn, void *data,
		    struct cni_error *err)
{
	struct each each = {fn, data};
	struct builder b = begin_link(nl,
				      netlink_queue(nl, RTM_GETLINK, NLM_F_DUMP,
						    "listing the VXLAN devices"),
				      0);
	struct nlattr *info;

	put_u32(b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	info = nest(b, IFLA_LINKINFO);
	put_string(b, IFLA_INFO_KIND, "vxlan");
	nest_end(b, info);
	return netlink_request(nl, each_take, &each, 0, err);
}

/* -- making */

/* Makes the body of the request that libnl has built that of the message in the queue. */
static void take_body(struct netlink *nl, struct nlmsghdr *queued, struct nl_msg *built)
{
	const struct nlmsghdr *header = nlmsg_hdr(built);

	begin(nl, queued, nlmsg_data(header), (size_t)nlmsg_datalen(header));
	nlmsg_free(built);
}

static int set_address(struct rtnl_link *object, int family, const void *bytes,
		       size_t len, bool local)
{
	struct nl_addr *addr = nl_addr_build(family, bytes, len);
	int ret = 0;

	if (!addr)
		return -ENOMEM;
	if (local)
		ret = rtnl_link_vxlan_set_local(object, addr);
	else
		rtnl_link_set_addr(object, addr);
	nl_addr_put(addr);
	return ret;
}

/* Outer checksums are on, of IPv6 as of IPv4, which is the kernel's default and
 * flannel's: the checksum of a packet that a card completes costs next to nothing, and
 * the receiver needs none of the inner one. */
static int describe(struct rtnl_link *object, const struct vxlan_spec *spec)
{
	int ret;

	rtnl_link_set_name(object, spec->name);
	rtnl_link_set_mtu(object, spec->mtu);
	ret = set_address(object, AF_LLC, spec->mac.bytes, MAC_LEN, false);
	if (ret == 0)
		ret = set_address(object, spec->local.family, spec->local.bytes,
				  ip_size(spec->local.family), true);
	if (ret == 0)
		ret = rtnl_link_vxlan_set_id(object, spec->vni);
	if (ret == 0)
		ret = rtnl_link_vxlan_set_port(object, spec->port);
	return ret < 0 ? ret : rtnl_link_vxlan_disable_learning(object);
}

void queue_vxlan_add(struct netlink *nl, const struct vxlan_spec *spec)
{
	struct rtnl_link *object = rtnl_link_vxlan_alloc();
	struct nlmsghdr *queued =
		netlink_queue(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
			      "making the VXLAN device %s (VNI %u, UDP port %u)",
			      spec->name, spec->vni, spec->port);
	struct nl_msg *built = NULL;

	netlink_needs(nl, "vxlan");
	if (object && describe(object, spec) == 0 &&
	    rtnl_link_build_add_request(object, 0, &built) == 0)
		take_body(nl, queued, built);
	else
		netlink_queue_failed(nl);
	rtnl_link_put(object);
}
