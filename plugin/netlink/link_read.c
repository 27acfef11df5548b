/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads interfaces as rtnetlink tells of them: what each has by itself, as a bridge or as
 * the port of one, and its kernel parameters. */
#include "link.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "attr.h"
#include "build.h"
#include "conf/base/list.h"

#define USER_HZ 100 /* the unit of a bridge's times */
/* IFF_LOWER_UP of linux/if.h, which can't be included beside net/if.h. */
#define LOWER_UP (1 << 16)
/* IF_OPER_LOWERLAYERDOWN of the same file: those behind it are of links with a carrier. */
#define LOWER_LAYER_DOWN 3

static void get_string(const struct nlattr *attr, char *ret_text, size_t size)
{
	ret_text[0] = '\0';
	if (attr)
		nla_strlcpy(ret_text, attr, size);
}

static void port_read(struct nlattr *data, struct link *link)
{
	struct nlattr *attrs[IFLA_BRPORT_MAX + 1];

	if (!data || nla_parse_nested(attrs, IFLA_BRPORT_MAX, data, NULL) < 0)
		return;
	link->port.learning = get_u8(attrs[IFLA_BRPORT_LEARNING]);
	link->port.guard = get_u8(attrs[IFLA_BRPORT_GUARD]);
	link->port.flood = get_u8(attrs[IFLA_BRPORT_UNICAST_FLOOD]);
	link->port.proxy_arp = get_u8(attrs[IFLA_BRPORT_PROXYARP_WIFI]);
	link->port.hairpin = get_u8(attrs[IFLA_BRPORT_MODE]);
	link->port.isolated = get_u8(attrs[IFLA_BRPORT_ISOLATED]);
	link->port.state = get_u8(attrs[IFLA_BRPORT_STATE]);
}

static void bridge_read(struct nlattr *data, struct link *link)
{
	struct nlattr *attrs[IFLA_BR_MAX + 1];
	struct nlattr *vlan;

	if (!data || nla_parse_nested(attrs, IFLA_BR_MAX, data, NULL) < 0)
		return;
	/* Every kernel tells whether a bridge filters VLANs. Only a kernel that can
	 * filter tells a default VLAN. */
	vlan = attrs[IFLA_BR_VLAN_DEFAULT_PVID];
	link->bridge.can_filter_vlans = vlan;
	link->bridge.filters_vlans = get_u8(attrs[IFLA_BR_VLAN_FILTERING]);
	link->bridge.spanning_tree = get_u32(attrs[IFLA_BR_STP_STATE]);
	link->bridge.snooping = get_u8(attrs[IFLA_BR_MCAST_SNOOPING]);
	link->bridge.querier = get_u8(attrs[IFLA_BR_MCAST_QUERIER]);
	link->bridge.nf_call_iptables = get_u8(attrs[IFLA_BR_NF_CALL_IPTABLES]);
	link->bridge.nf_call_ip6tables = get_u8(attrs[IFLA_BR_NF_CALL_IP6TABLES]);
	link->bridge.forward_delay = get_u32(attrs[IFLA_BR_FORWARD_DELAY]) / USER_HZ;
	link->bridge.default_vlan = get_u16(vlan);
}

/* A macvlan's mode has 32 bits, an ipvlan's 16. Both have it in the attribute 1. */
static void mode_read(struct nlattr *data, struct link *link)
{
	struct nlattr *attrs[IFLA_MACVLAN_MODE + 1];

	if (!data || nla_parse_nested(attrs, IFLA_MACVLAN_MODE, data, NULL) < 0)
		return;
	link->mode = link_is(link, "ipvlan") ? get_u16(attrs[IFLA_IPVLAN_MODE])
					     : get_u32(attrs[IFLA_MACVLAN_MODE]);
}

static void link_info_read(struct nlattr *info, struct link *link)
{
	struct nlattr *attrs[IFLA_INFO_MAX + 1];
	char port_kind[LINK_KIND_MAX];

	if (!info || nla_parse_nested(attrs, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	get_string(attrs[IFLA_INFO_KIND], link->kind, sizeof(link->kind));
	get_string(attrs[IFLA_INFO_SLAVE_KIND], port_kind, sizeof(port_kind));
	if (link_is(link, "bridge"))
		bridge_read(attrs[IFLA_INFO_DATA], link);
	if (link_is(link, "macvlan") || link_is(link, "ipvlan"))
		mode_read(attrs[IFLA_INFO_DATA], link);
	if (strcmp(port_kind, "bridge") == 0)
		port_read(attrs[IFLA_INFO_SLAVE_DATA], link);
}

/* For a linux/ipv6.h that is older than the parameter. */
#define DEVCONF6_FORCE_FORWARDING 59

/* Returns the array of parameters that @families has for @family in the attribute
 * @type. */
static struct nlattr *devconf(struct nlattr *families, int family, int type)
{
	struct nlattr *of_family[AF_INET6 + 1], *attrs[IFLA_INET6_MAX + 1];

	if (!families || nla_parse_nested(of_family, AF_INET6, families, NULL) < 0 ||
	    !of_family[family] ||
	    nla_parse_nested(attrs, IFLA_INET6_MAX, of_family[family], NULL) < 0)
		return NULL;
	return attrs[type];
}

/* Returns -1 where this kernel has no such parameter. */
static int parameter(struct nlattr *conf, int index)
{
	if (!conf || nla_len(conf) < (index + 1) * (int)sizeof(int32_t))
		return -1;
	return ((const int32_t *)nla_data(conf))[index];
}

static void parameters_read(struct nlattr *families, struct link *link)
{
	struct nlattr *conf = devconf(families, AF_INET, IFLA_INET_CONF);

	/* IPv4's parameters are numbered from 1. */
	link->ipv4.forwarding = parameter(conf, IPV4_DEVCONF_FORWARDING - 1);
	link->ipv4.route_localnet = parameter(conf, IPV4_DEVCONF_ROUTE_LOCALNET - 1);
	conf = devconf(families, AF_INET6, IFLA_INET6_CONF);
	link->ipv6.accept_ra = parameter(conf, DEVCONF_ACCEPT_RA);
	link->ipv6.forwarding = parameter(conf, DEVCONF_FORWARDING);
	link->ipv6.disabled = parameter(conf, DEVCONF_DISABLE_IPV6);
	link->ipv6.force_forwarding = parameter(conf, DEVCONF6_FORCE_FORWARDING);
}

static int link_read(const struct nlmsghdr *answer, void *data)
{
	struct link *link = data;
	struct nlattr *attrs[IFLA_MAX + 1];
	const struct ifinfomsg *header;

	if (!answer) {
		*link = (struct link){};
		return 0;
	}
	header = nlmsg_data(answer);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*header), attrs, IFLA_MAX,
			NULL) < 0)
		return -EBADMSG;
	link->index = header->ifi_index;
	link->up = header->ifi_flags & IFF_UP;
	link->carrier = header->ifi_flags & LOWER_UP;
	link->operational = get_u8(attrs[IFLA_OPERSTATE]) > LOWER_LAYER_DOWN;
	link->carrier_losses = get_u32(attrs[IFLA_CARRIER_DOWN_COUNT]);
	link->promisc = header->ifi_flags & IFF_PROMISC;
	get_string(attrs[IFLA_IFNAME], link->name, sizeof(link->name));
	get_string(attrs[IFLA_IFALIAS], link->alias, sizeof(link->alias));
	link->mtu = get_u32(attrs[IFLA_MTU]);
	link->master = get_u32(attrs[IFLA_MASTER]);
	link->peer = get_u32(attrs[IFLA_LINK]);
	link->peer_elsewhere = attrs[IFLA_LINK_NETNSID];
	link->peer_ns_id = link->peer_elsewhere ? (int)get_u32(attrs[IFLA_LINK_NETNSID])
						: -1;
	if (attrs[IFLA_ADDRESS] && nla_len(attrs[IFLA_ADDRESS]) == MAC_LEN) {
		link->mac.set = true;
		memcpy(link->mac.bytes, nla_data(attrs[IFLA_ADDRESS]), MAC_LEN);
	}
	parameters_read(attrs[IFLA_AF_SPEC], link);
	link_info_read(attrs[IFLA_LINKINFO], link);
	return 0;
}

static int link_list_read(const struct nlmsghdr *answer, void *data)
{
	struct link_list *list = data;
	struct link *item;

	if (!answer) {
		link_list_clear(list);
		return 0;
	}
	item = LIST_ADD(list);
	return item ? link_read(answer, item) : -ENOMEM;
}

/* Begins @msg, which the queue has and which is to be a dump of links. */
static struct builder list_begin(struct netlink *nl, struct nlmsghdr *msg)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC};

	return begin(nl, msg, &header, sizeof(header));
}

static int list_request(struct netlink *nl, struct link_list *ret_list,
			struct cni_error *err)
{
	struct link_list list = {};
	int ret = netlink_request(nl, link_list_read, &list, 0, err);

	if (ret < 0) {
		link_list_clear(&list);
		return ret;
	}
	*ret_list = list;
	return 0;
}

int link_list_get(struct netlink *nl, struct link_list *ret_list, struct cni_error *err)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_GETLINK, NLM_F_DUMP,
					     "listing the interfaces");

	list_begin(nl, msg);
	return list_request(nl, ret_list, err);
}

int link_list_get_ports(struct netlink *nl, unsigned int bridge,
			struct link_list *ret_list, struct cni_error *err)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_GETLINK, NLM_F_DUMP,
					     "listing the ports of bridge %u", bridge);

	struct builder b = list_begin(nl, msg);

	put_u32(b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	put_u32(b, IFLA_MASTER, bridge);
	return list_request(nl, ret_list, err);
}

/* A kernel that has no link of the kind yet may not know it, and lists all links. */
int link_list_get_kind(struct netlink *nl, const char *kind, struct link_list *ret_list,
		       struct cni_error *err)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_GETLINK, NLM_F_DUMP,
					     "listing the interfaces of kind %s", kind);
	struct builder b = list_begin(nl, msg);
	struct link_list list = {};
	struct nlattr *info;
	size_t n = 0;
	int ret;

	put_u32(b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	info = nest(b, IFLA_LINKINFO);
	put_string(b, IFLA_INFO_KIND, kind);
	nest_end(b, info);
	ret = list_request(nl, &list, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < list.n; i++)
		if (link_is(&list.items[i], kind))
			list.items[n++] = list.items[i];
	list.n = n;
	*ret_list = list;
	return 0;
}

int link_list_get_elsewhere(struct netlink *nl, int ns_id, struct link_list *ret_list,
			    struct cni_error *err)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_GETLINK, NLM_F_DUMP,
					     "listing the interfaces of namespace %d",
					     ns_id);
	struct builder b = list_begin(nl, msg);

	put_u32(b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	put_u32(b, IFLA_TARGET_NETNSID, ns_id);
	return list_request(nl, ret_list, err);
}

void link_list_clear(struct link_list *list)
{
	free(list->items);
	*list = (struct link_list){};
}

static int link_request(struct netlink *nl, struct nlmsghdr *msg, unsigned int index,
			const char *name, struct link *ret_link, struct cni_error *err)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct builder b = begin(nl, msg, &header, sizeof(header));
	int ret;

	/* Counters would be half of the kernel's work, and of what it sends. */
	put_u32(b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (name)
		put_string(b, IFLA_IFNAME, name);
	ret = netlink_request(nl, link_read, ret_link, ENODEV, err);
	return ret == NETLINK_EXPECTED ? 0 : ret;
}

int link_get(struct netlink *nl, const char *name, struct link *ret_link,
	     struct cni_error *err)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_GETLINK, 0, "looking %s up", name);

	return link_request(nl, msg, 0, name, ret_link, err);
}

int link_get_by_index(struct netlink *nl, unsigned int index, struct link *ret_link,
		      struct cni_error *err)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_GETLINK, 0,
					     "looking interface %u up", index);

	return link_request(nl, msg, index, NULL, ret_link, err);
}
