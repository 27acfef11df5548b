/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A WireGuard device's messages. Peers fill message after message, and a peer whose
 * prefixes don't fit goes on in the next one, both on the way to the kernel and back. */
#include "wireguard_link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/list.h"
#include "plugin/netlink/attr.h"
#include "plugin/netlink/build.h"
#include "wireguard_genl.h"

_Static_assert(WIREGUARD_KEY_LEN == WG_KEY_LEN, "a key of the kernel's length");

#define WHAT_MAX 96

void wireguard_device_wipe(struct wireguard_device *device)
{
	wireguard_key_wipe(&device->private_key);
}

void queue_wireguard_add(struct netlink *nl, const char *name, uint32_t mtu)
{
	const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	struct builder b = begin(nl,
				 netlink_queue(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
					       "making the WireGuard device %s", name),
				 &header, sizeof(header));
	struct nlattr *info;

	put_string(b, IFLA_IFNAME, name);
	put_u32(b, IFLA_MTU, mtu);
	info = nest(b, IFLA_LINKINFO);
	put_string(b, IFLA_INFO_KIND, "wireguard");
	nest_end(b, info);
	netlink_needs(nl, "wireguard");
}

/* -- to the kernel */

int wireguard_set(struct wireguard_genl *genl, const struct link_known *link,
		  const struct wireguard_key *key, bool renew, uint16_t port,
		  struct cni_error *err)
{
	struct nl_msg *msg = wireguard_genl_begin(genl, WG_CMD_SET_DEVICE, link->index);
	char what[WHAT_MAX];
	int ret;

	if (!msg ||
	    (renew && nla_put_u32(msg, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS) < 0) ||
	    nla_put(msg, WGDEVICE_A_PRIVATE_KEY, sizeof(*key), key) < 0 ||
	    nla_put_u16(msg, WGDEVICE_A_LISTEN_PORT, port) < 0 ||
	    nla_put_u32(msg, WGDEVICE_A_FWMARK, 0) < 0) {
		wireguard_genl_free(msg);
		return error_oom(err);
	}
	snprintf(what, sizeof(what), "giving %s its key and the UDP port %u", link->name,
		 (unsigned int)port);
	ret = wireguard_genl_change(genl, msg, what, err);
	wireguard_genl_free(msg);
	return ret;
}

static int put_endpoint(struct nl_msg *msg, const struct wireguard_peer *peer)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(peer->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons(peer->port)};

	switch (peer->endpoint.family) {
	case AF_INET:
		memcpy(&v4.sin_addr, peer->endpoint.bytes, sizeof(v4.sin_addr));
		return nla_put(msg, WGPEER_A_ENDPOINT, sizeof(v4), &v4);
	case AF_INET6:
		memcpy(&v6.sin6_addr, peer->endpoint.bytes, sizeof(v6.sin6_addr));
		return nla_put(msg, WGPEER_A_ENDPOINT, sizeof(v6), &v6);
	default:
		return 0;
	}
}

static bool put_allowed(struct nl_msg *msg, const struct ip_prefix *prefix)
{
	struct nlattr *item = nla_nest_start(msg, 0);

	if (!item)
		return false;
	if (nla_put_u16(msg, WGALLOWEDIP_A_FAMILY, prefix->addr.family) == 0 &&
	    nla_put(msg, WGALLOWEDIP_A_IPADDR, ip_size(prefix->addr.family),
		    prefix->addr.bytes) == 0 &&
	    nla_put_u8(msg, WGALLOWEDIP_A_CIDR_MASK, prefix->len) == 0) {
		nla_nest_end(msg, item);
		return true;
	}
	nla_nest_cancel(msg, item);
	return false;
}

/* Puts the peer into the message, from its prefix *@at on, and moves *@at behind the last
 * prefix that has found room. False: the message is full, and the peer, which may be in
 * it in part, comes into the next one as well. */
static bool put_peer(struct nl_msg *msg, const struct wireguard_peer *peer, size_t *at)
{
	struct nlattr *item = nla_nest_start(msg, 0), *list;
	uint32_t flags = peer->remove	 ? WGPEER_F_REMOVE_ME
			 : peer->replace ? WGPEER_F_REPLACE_ALLOWEDIPS
					 : 0;

	if (!item)
		return false;
	if (nla_put(msg, WGPEER_A_PUBLIC_KEY, sizeof(peer->key), &peer->key) < 0 ||
	    (*at == 0 &&
	     (nla_put_u32(msg, WGPEER_A_FLAGS, flags) < 0 ||
	      put_endpoint(msg, peer) < 0 ||
	      (!peer->remove && nla_put_u16(msg, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
					    peer->keepalive) < 0))))
		goto full;
	list = peer->remove ? NULL : nla_nest_start(msg, WGPEER_A_ALLOWEDIPS);
	if (!peer->remove && !list)
		goto full;
	while (list && *at < peer->n_allowed && put_allowed(msg, &peer->allowed[*at]))
		++*at;
	if (list)
		nla_nest_end(msg, list);
	nla_nest_end(msg, item);
	return peer->remove || *at == peer->n_allowed;
full:
	nla_nest_cancel(msg, item);
	return false;
}

/* Sends one message with as many of the peers as find room, from *@i on and from the
 * prefix *@at of that one on, and moves both. */
static int send_peers(struct wireguard_genl *genl, const struct link_known *link,
		      const struct wireguard_peer *peers, size_t n, size_t *i, size_t *at,
		      struct cni_error *err)
{
	struct nl_msg *msg = wireguard_genl_begin(genl, WG_CMD_SET_DEVICE, link->index);
	struct nlattr *list = msg ? nla_nest_start(msg, WGDEVICE_A_PEERS) : NULL;
	size_t first = *i, first_at = *at;
	char what[WHAT_MAX];
	int ret;

	if (!list) {
		nlmsg_free(msg);
		return error_oom(err);
	}
	while (*i < n && put_peer(msg, &peers[*i], at)) {
		++*i;
		*at = 0;
	}
	nla_nest_end(msg, list);
	snprintf(what, sizeof(what), "changing %zu peers of %s, from %zu on", n,
		 link->name, first);
	/* One peer with one prefix always fits. */
	ret = *i == first && *at == first_at
		      ? error_oom(err)
		      : wireguard_genl_change(genl, msg, what, err);
	nlmsg_free(msg);
	return ret;
}

int wireguard_set_peers(struct wireguard_genl *genl, const struct link_known *link,
			const struct wireguard_peer *peers, size_t n,
			struct cni_error *err)
{
	size_t i = 0, at = 0;
	int ret = 0;

	while (ret == 0 && i < n)
		ret = send_peers(genl, link, peers, n, &i, &at, err);
	return ret;
}

/* -- from the kernel */

struct prefixes {
	struct ip_prefix *items;
	size_t n;
};

struct reading {
	wireguard_peer_fn fn;
	void *data;
	struct wireguard_device device;
	/* The peer that is read: the next message may go on with it. */
	struct wireguard_peer peer;
	bool has_peer;
	struct prefixes allowed; /* of the peer; its memory serves all peers */
};

static void copy_key(struct wireguard_key *key, const struct nlattr *attr)
{
	if (attr && nla_len(attr) == WIREGUARD_KEY_LEN)
		memcpy(key, nla_data(attr), WIREGUARD_KEY_LEN);
}

static void read_endpoint(const struct nlattr *attr, struct wireguard_peer *peer)
{
	const struct sockaddr *sockaddr = attr ? nla_data(attr) : NULL;
	const struct sockaddr_in *v4 = (const void *)sockaddr;
	const struct sockaddr_in6 *v6 = (const void *)sockaddr;
	size_t len = attr ? nla_len(attr) : 0;

	if (len >= sizeof(*v4) && sockaddr->sa_family == AF_INET) {
		peer->endpoint.family = AF_INET;
		memcpy(peer->endpoint.bytes, &v4->sin_addr, sizeof(v4->sin_addr));
		peer->port = ntohs(v4->sin_port);
	} else if (len >= sizeof(*v6) && sockaddr->sa_family == AF_INET6) {
		peer->endpoint.family = AF_INET6;
		memcpy(peer->endpoint.bytes, &v6->sin6_addr, sizeof(v6->sin6_addr));
		peer->port = ntohs(v6->sin6_port);
	}
}

/* False: the attribute is no prefix. */
static bool read_prefix(struct nlattr *item, struct ip_prefix *ret_prefix)
{
	struct nlattr *attrs[WGALLOWEDIP_A_MAX + 1];
	int family;

	if (nla_parse_nested(attrs, WGALLOWEDIP_A_MAX, item, NULL) < 0 ||
	    !attrs[WGALLOWEDIP_A_CIDR_MASK] ||
	    nla_len(attrs[WGALLOWEDIP_A_CIDR_MASK]) < 1)
		return false;
	family = get_u16(attrs[WGALLOWEDIP_A_FAMILY]);
	if (family != AF_INET && family != AF_INET6)
		return false;
	get_ip(attrs[WGALLOWEDIP_A_IPADDR], family, &ret_prefix->addr);
	ret_prefix->len = get_u8(attrs[WGALLOWEDIP_A_CIDR_MASK]);
	return ret_prefix->addr.family && ret_prefix->len <= ip_bits(family);
}

static int read_allowed(const struct nlattr *attr, struct prefixes *list)
{
	struct nlattr *item;
	int left;

	nla_for_each_nested(item, attr, left) {
		struct ip_prefix *prefix = LIST_ADD(list);

		if (!prefix)
			return -ENOMEM;
		if (!read_prefix(item, prefix))
			return -EBADMSG;
	}
	return 0;
}

/* Hands the peer that is read to the caller: all of it is there. */
static int peer_end(struct reading *reading)
{
	if (!reading->has_peer)
		return 0;
	reading->has_peer = false;
	reading->peer.allowed = reading->allowed.items;
	reading->peer.n_allowed = reading->allowed.n;
	return reading->fn(&reading->peer, reading->data);
}

static int read_peer(struct nlattr *item, struct reading *reading)
{
	struct nlattr *attrs[WGPEER_A_MAX + 1];
	struct wireguard_peer peer = {};
	const struct nlattr *time;
	int ret = 0;

	if (nla_parse_nested(attrs, WGPEER_A_MAX, item, NULL) < 0 ||
	    !attrs[WGPEER_A_PUBLIC_KEY])
		return -EBADMSG;
	copy_key(&peer.key, attrs[WGPEER_A_PUBLIC_KEY]);
	/* The same key again goes on with the prefixes, and has nothing else. */
	if (!reading->has_peer ||
	    memcmp(&peer.key, &reading->peer.key, sizeof(peer.key)) != 0) {
		ret = peer_end(reading);
		read_endpoint(attrs[WGPEER_A_ENDPOINT], &peer);
		time = attrs[WGPEER_A_LAST_HANDSHAKE_TIME];
		if (time && nla_len(time) >= (int)sizeof(peer.handshake))
			memcpy(&peer.handshake, nla_data(time), sizeof(peer.handshake));
		peer.keepalive = get_u16(attrs[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
		reading->peer = peer;
		reading->has_peer = true;
		reading->allowed.n = 0;
	}
	if (ret == 0 && attrs[WGPEER_A_ALLOWEDIPS])
		ret = read_allowed(attrs[WGPEER_A_ALLOWEDIPS], &reading->allowed);
	return ret;
}

static int read_message(struct nlattr *const *attrs, void *data)
{
	struct reading *reading = data;
	struct nlattr *item;
	int left, ret = 0;

	if (!attrs) {
		reading->has_peer = false;
		return reading->fn(NULL, reading->data);
	}
	/* The first message alone has what is not of the peers. */
	copy_key(&reading->device.private_key, attrs[WGDEVICE_A_PRIVATE_KEY]);
	copy_key(&reading->device.public_key, attrs[WGDEVICE_A_PUBLIC_KEY]);
	if (attrs[WGDEVICE_A_LISTEN_PORT])
		reading->device.port = get_u16(attrs[WGDEVICE_A_LISTEN_PORT]);
	if (attrs[WGDEVICE_A_FWMARK])
		reading->device.mark = get_u32(attrs[WGDEVICE_A_FWMARK]);
	if (!attrs[WGDEVICE_A_PEERS])
		return 0;
	nla_for_each_nested(item, attrs[WGDEVICE_A_PEERS], left) {
		ret = read_peer(item, reading);
		if (ret < 0)
			break;
	}
	return ret;
}

int wireguard_read(struct wireguard_genl *genl, const struct link_known *link,
		   wireguard_peer_fn fn, void *data, struct wireguard_device *ret_device,
		   struct cni_error *err)
{
	struct reading reading = {.fn = fn, .data = data};
	char what[WHAT_MAX];
	int ret;

	snprintf(what, sizeof(what), "reading the WireGuard device %s", link->name);
	ret = wireguard_genl_dump(genl, link->index, read_message, &reading, what, err);
	if (ret == 0) {
		ret = peer_end(&reading);
		if (ret < 0)
			error_errno(err, CNI_ERR_KERNEL, -ret, "%s", what);
	}
	free(reading.allowed.items);
	if (ret == 0)
		*ret_device = reading.device;
	wireguard_device_wipe(&reading.device);
	return ret;
}
