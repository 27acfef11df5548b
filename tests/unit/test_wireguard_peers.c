/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deploy/agent/tunnel/wireguard_link.h and wireguard_peers.h. In place of
 * wireguard_genl.c there is a kernel here, with one device: it carries out messages as
 * linux/wireguard.h says, and answers in small ones, so that peers and their prefixes are
 * spread over many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/tunnel/wireguard_genl.h"
#include "deploy/agent/tunnel/wireguard_peers.h"

#define PEERS	   3000
#define PREFIXES   900 /* of one peer: more than fit into a message */
#define ANSWER_MAX 1200 /* bytes of an answer */

static const struct link_known device = {.index = 7, .name = "bcni-wg"};

/* -- the kernel */

struct has_peer {
	struct wireguard_key key;
	struct sockaddr_in endpoint;
	struct ip_prefix *allowed;
	size_t n;
	int64_t handshake;
	uint16_t keepalive;
};

static struct {
	struct has_peer peers[PEERS + 1];
	size_t n;
	size_t changes; /* messages that changed something */
	size_t replaced; /* peers that were without prefixes for a moment */
	int interruptions; /* dumps that are still to be interrupted */
	bool no_mask; /* prefixes have an empty attribute in place of their length */
	uint8_t mask; /* in place of each prefix length, if not 0 */
	struct wireguard_key private_key;
	uint16_t port;
} kernel;

struct nl_msg *wireguard_genl_begin(const struct wireguard_genl *genl, uint8_t command,
				    unsigned int index)
{
	struct nl_msg *msg = nlmsg_alloc_size(16384);
	const struct genlmsghdr header = {.cmd = command, .version = WG_GENL_VERSION};

	(void)genl;
	assert_non_null(nlmsg_put(msg, 0, 0, 100, 0, NLM_F_REQUEST));
	assert_int_equal(nlmsg_append(msg, (void *)&header, sizeof(header), 4), 0);
	assert_int_equal(nla_put_u32(msg, WGDEVICE_A_IFINDEX, index), 0);
	return msg;
}

void wireguard_genl_free(struct nl_msg *msg)
{
	nlmsg_free(msg);
}

static struct has_peer *peer_of(const void *key, bool make)
{
	for (size_t i = 0; i < kernel.n; i++)
		if (memcmp(&kernel.peers[i].key, key, WG_KEY_LEN) == 0)
			return &kernel.peers[i];
	if (!make)
		return NULL;
	assert_true(kernel.n < ARRAY_SIZE(kernel.peers));
	kernel.peers[kernel.n] = (struct has_peer){};
	memcpy(&kernel.peers[kernel.n].key, key, WG_KEY_LEN);
	return &kernel.peers[kernel.n++];
}

static void remove_peer(struct has_peer *peer)
{
	free(peer->allowed);
	*peer = kernel.peers[--kernel.n];
}

static bool has_prefix(const struct has_peer *peer, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < peer->n; i++)
		if (prefix_equal(&peer->allowed[i], prefix))
			return true;
	return false;
}

static void allow(struct has_peer *peer, struct nlattr *attr)
{
	struct nlattr *attrs[WGALLOWEDIP_A_MAX + 1], *item;
	int left;

	nla_for_each_nested(item, attr, left) {
		struct ip_prefix prefix = {};

		assert_int_equal(nla_parse_nested(attrs, WGALLOWEDIP_A_MAX, item, NULL),
				 0);
		prefix.addr.family = nla_get_u16(attrs[WGALLOWEDIP_A_FAMILY]);
		prefix.len = nla_get_u8(attrs[WGALLOWEDIP_A_CIDR_MASK]);
		assert_int_equal(nla_len(attrs[WGALLOWEDIP_A_IPADDR]),
				 ip_size(prefix.addr.family));
		memcpy(prefix.addr.bytes, nla_data(attrs[WGALLOWEDIP_A_IPADDR]),
		       ip_size(prefix.addr.family));
		if (has_prefix(peer, &prefix))
			continue;
		peer->allowed = reallocarray(peer->allowed, peer->n + 1, sizeof(prefix));
		peer->allowed[peer->n++] = prefix;
	}
}

static void set_peer(struct nlattr *item)
{
	struct nlattr *attrs[WGPEER_A_MAX + 1];
	struct has_peer *peer;
	uint32_t flags;

	assert_int_equal(nla_parse_nested(attrs, WGPEER_A_MAX, item, NULL), 0);
	flags = attrs[WGPEER_A_FLAGS] ? nla_get_u32(attrs[WGPEER_A_FLAGS]) : 0;
	peer = peer_of(nla_data(attrs[WGPEER_A_PUBLIC_KEY]),
		       !(flags & WGPEER_F_REMOVE_ME));
	if (flags & WGPEER_F_REMOVE_ME) {
		assert_non_null(peer);
		remove_peer(peer);
		return;
	}
	if (attrs[WGPEER_A_ENDPOINT]) {
		assert_int_equal(nla_len(attrs[WGPEER_A_ENDPOINT]),
				 sizeof(peer->endpoint));
		memcpy(&peer->endpoint, nla_data(attrs[WGPEER_A_ENDPOINT]),
		       sizeof(peer->endpoint));
	}
	if (attrs[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL])
		peer->keepalive =
			nla_get_u16(attrs[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
	if (flags & WGPEER_F_REPLACE_ALLOWEDIPS) {
		peer->n = 0;
		kernel.replaced++;
	}
	if (attrs[WGPEER_A_ALLOWEDIPS])
		allow(peer, attrs[WGPEER_A_ALLOWEDIPS]);
}

int wireguard_genl_change(struct wireguard_genl *genl, struct nl_msg *msg,
			  const char *what, struct cni_error *err)
{
	struct nlattr *attrs[WGDEVICE_A_MAX + 1], *item;
	int left;

	(void)genl;
	(void)err;
	assert_non_null(strstr(what, "bcni-wg"));
	assert_int_equal(nlmsg_parse(nlmsg_hdr(msg), sizeof(struct genlmsghdr), attrs,
				     WGDEVICE_A_MAX, NULL),
			 0);
	assert_int_equal(nla_get_u32(attrs[WGDEVICE_A_IFINDEX]), device.index);
	kernel.changes++;
	if (attrs[WGDEVICE_A_FLAGS] &&
	    (nla_get_u32(attrs[WGDEVICE_A_FLAGS]) & WGDEVICE_F_REPLACE_PEERS))
		while (kernel.n)
			remove_peer(&kernel.peers[0]);
	if (attrs[WGDEVICE_A_PRIVATE_KEY])
		memcpy(&kernel.private_key, nla_data(attrs[WGDEVICE_A_PRIVATE_KEY]),
		       WG_KEY_LEN);
	if (attrs[WGDEVICE_A_LISTEN_PORT])
		kernel.port = nla_get_u16(attrs[WGDEVICE_A_LISTEN_PORT]);
	if (attrs[WGDEVICE_A_PEERS])
		nla_for_each_nested(item, attrs[WGDEVICE_A_PEERS], left)
			set_peer(item);
	return 0;
}

/* Puts the peer into an answer, from its prefix *@at on. */
static bool answer_peer(struct nl_msg *msg, const struct has_peer *peer, size_t *at)
{
	const int64_t handshake[] = {peer->handshake, 5};
	struct nlattr *item = nla_nest_start(msg, 0), *list, *one;
	uint8_t mask;
	size_t len = nlmsg_hdr(msg)->nlmsg_len;

	if (len + 200 > ANSWER_MAX) {
		nla_nest_cancel(msg, item);
		return false;
	}
	nla_put(msg, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, &peer->key);
	if (*at == 0) {
		nla_put(msg, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof(handshake), handshake);
		nla_put_u16(msg, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive);
		if (peer->endpoint.sin_family)
			nla_put(msg, WGPEER_A_ENDPOINT, sizeof(peer->endpoint),
				&peer->endpoint);
	}
	list = nla_nest_start(msg, WGPEER_A_ALLOWEDIPS);
	for (; *at < peer->n && nlmsg_hdr(msg)->nlmsg_len + 64 < ANSWER_MAX; ++*at) {
		one = nla_nest_start(msg, 0);
		nla_put_u16(msg, WGALLOWEDIP_A_FAMILY, peer->allowed[*at].addr.family);
		nla_put(msg, WGALLOWEDIP_A_IPADDR,
			ip_size(peer->allowed[*at].addr.family),
			peer->allowed[*at].addr.bytes);
		mask = kernel.mask ? kernel.mask : peer->allowed[*at].len;
		nla_put(msg, WGALLOWEDIP_A_CIDR_MASK, kernel.no_mask ? 0 : 1, &mask);
		nla_nest_end(msg, one);
	}
	nla_nest_end(msg, list);
	nla_nest_end(msg, item);
	return *at == peer->n;
}

/* Answers with as many peers as an answer holds, from *@i and *@at on. */
static int answer(size_t *i, size_t *at, wireguard_genl_fn fn, void *data)
{
	struct nl_msg *msg = wireguard_genl_begin(NULL, WG_CMD_GET_DEVICE, device.index);
	struct nlattr *attrs[WGDEVICE_A_MAX + 1], *list;
	int ret;

	if (*i == 0 && *at == 0) {
		nla_put(msg, WGDEVICE_A_PRIVATE_KEY, WG_KEY_LEN, &kernel.private_key);
		nla_put_u16(msg, WGDEVICE_A_LISTEN_PORT, kernel.port);
	}
	list = nla_nest_start(msg, WGDEVICE_A_PEERS);
	while (*i < kernel.n && answer_peer(msg, &kernel.peers[*i], at)) {
		++*i;
		*at = 0;
	}
	nla_nest_end(msg, list);
	nlmsg_parse(nlmsg_hdr(msg), sizeof(struct genlmsghdr), attrs, WGDEVICE_A_MAX,
		    NULL);
	ret = fn(attrs, data);
	nlmsg_free(msg);
	return ret;
}

int wireguard_genl_dump(struct wireguard_genl *genl, unsigned int index,
			wireguard_genl_fn fn, void *data, const char *what,
			struct cni_error *err)
{
	size_t i = 0, at = 0;
	int ret = fn(NULL, data);

	(void)genl;
	(void)what;
	(void)err;
	assert_int_equal(index, device.index);
	do {
		ret = answer(&i, &at, fn, data);
		if (ret == 0 && kernel.interruptions > 0 && i > 0) {
			kernel.interruptions--;
			i = at = 0;
			ret = fn(NULL, data);
		}
	} while (ret == 0 && i < kernel.n);
	return ret;
}

static int kernel_reset(void **state)
{
	(void)state;
	while (kernel.n)
		remove_peer(&kernel.peers[0]);
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

/* -- the peers that are wanted */

static struct ip_prefix prefixes[PEERS][2], many[PREFIXES];
static struct wireguard_peer wanted[PEERS];

static struct ip_prefix prefix_of(const char *fmt, unsigned int a, unsigned int b)
{
	char text[PREFIX_TEXT_MAX];
	struct ip_prefix prefix;

	snprintf(text, sizeof(text), fmt, a, b);
	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix;
}

/* Wants @n peers with two prefixes each, the first one with 900. */
static void want(size_t n)
{
	for (size_t i = 0; i < PREFIXES; i++)
		many[i] = prefix_of("fd00:%x:%x::/64", 0x8000 + i / 256, i % 256);
	for (size_t i = 0; i < n; i++) {
		prefixes[i][0] = prefix_of("10.%u.%u.0/24", i / 256, i % 256);
		prefixes[i][1] = prefix_of("fd00:%x:%x::/64", i / 256, i % 256);
		wanted[i] = (struct wireguard_peer){
			.endpoint = prefix_of("192.0.%u.%u/32", i / 256, i % 256).addr,
			.port = 51820,
			.allowed = i == 0 ? many : prefixes[i],
			.n_allowed = i == 0 ? PREFIXES : 2,
		};
		/* The keys' order isn't the nodes'. */
		wanted[i].key.bytes[0] = i * 7;
		wanted[i].key.bytes[1] = i >> 8;
		wanted[i].key.bytes[2] = i;
		wanted[i].key.bytes[31] = 1;
	}
}

/* Brings the device up to date; gives how many peers were changed. */
static size_t settle(size_t n)
{
	struct wireguard_changes changes;
	struct wireguard_device has;
	size_t changed;

	assert_int_equal(wireguard_peers_compare(NULL, &device, wanted, n, &changes, &has,
						 NULL),
			 0);
	changed = changes.n;
	assert_int_equal(
		wireguard_set_peers(NULL, &device, changes.items, changes.n, NULL), 0);
	wireguard_changes_clear(&changes);
	return changed;
}

static void assert_right(size_t n)
{
	assert_int_equal(kernel.n, n);
	for (size_t i = 0; i < n; i++) {
		const struct has_peer *peer = peer_of(&wanted[i].key, false);

		assert_non_null(peer);
		assert_int_equal(peer->n, wanted[i].n_allowed);
		for (size_t k = 0; k < peer->n; k++)
			assert_true(
				prefix_equal(&peer->allowed[k], &wanted[i].allowed[k]));
		assert_memory_equal(&peer->endpoint.sin_addr, wanted[i].endpoint.bytes,
				    4);
		assert_int_equal(ntohs(peer->endpoint.sin_port), 51820);
	}
}

/* -- the tests */

static void test_thousands_of_peers_go_in_several_messages(void **state)
{
	(void)state;
	want(PEERS);
	assert_int_equal(settle(PEERS), PEERS);
	assert_true(kernel.changes > 20);
	assert_right(PEERS);
}

static void test_what_is_right_is_left_alone(void **state)
{
	(void)state;
	want(PEERS);
	settle(PEERS);
	kernel.changes = 0;
	assert_int_equal(settle(PEERS), 0);
	assert_int_equal(kernel.changes, 0);
}

static void test_an_interrupted_dump_begins_again(void **state)
{
	(void)state;
	want(PEERS);
	settle(PEERS);
	kernel.interruptions = 3;
	assert_int_equal(settle(PEERS - 1), 1);
	assert_int_equal(kernel.interruptions, 0);
	assert_right(PEERS - 1);
}

/* Each wrong peer is changed, and no other one. */
static void test_each_difference_is_seen(void **state)
{
	static const struct wireguard_key stranger = {.bytes = {9, 9, 9}};

	(void)state;
	want(200);
	settle(200);
	kernel.peers[3].endpoint.sin_port = htons(51821);
	kernel.peers[50].endpoint.sin_addr.s_addr ^= htonl(1);
	kernel.peers[70].n--;
	kernel.peers[90].allowed[1].len = 63;
	remove_peer(&kernel.peers[120]);
	peer_of(&stranger, true)->n = 0;
	assert_int_equal(settle(200), 6);
	/* What is right of a peer isn't touched: only the wrong prefix has to go. */
	assert_int_equal(kernel.replaced, 1);
	assert_null(peer_of(&stranger, false));
	assert_right(200);
	assert_int_equal(settle(200), 0);
}

/* The kernel sends to where the last packet came from. */
/* An attribute that is too short isn't read beyond its end. */
static void test_a_prefix_that_is_none_is_an_error(void **state)
{
	struct wireguard_changes changes;
	struct wireguard_device has;

	(void)state;
	want(2);
	settle(2);
	kernel.no_mask = true;
	assert_int_equal(wireguard_peers_compare(NULL, &device, wanted, 2, &changes, &has,
						 NULL),
			 -EBADMSG);
	kernel.no_mask = false;
	kernel.mask = 129;
	assert_int_equal(wireguard_peers_compare(NULL, &device, wanted, 2, &changes, &has,
						 NULL),
			 -EBADMSG);
}

static void test_a_nodes_other_address_serves_as_well(void **state)
{
	struct has_peer *peer;

	(void)state;
	want(5);
	settle(5);
	peer = &kernel.peers[2];
	peer->endpoint.sin_addr.s_addr = htonl(0xc6336401); /* 198.51.100.1 */
	for (size_t i = 0; i < 5; i++)
		if (memcmp(&wanted[i].key, &peer->key, WG_KEY_LEN) == 0)
			wanted[i].other = prefix_of("198.51.%u.%u/32", 100, 1).addr;
	assert_int_equal(settle(5), 0);
	peer->endpoint.sin_addr.s_addr = htonl(0xc6336402);
	assert_int_equal(settle(5), 1);
	assert_int_equal(kernel.replaced, 0);
	assert_right(5);
}

static void test_handshakes_are_told(void **state)
{
	(void)state;
	want(3);
	settle(2);
	kernel.peers[0].handshake = 1764381600;
	memcpy(&wanted[0].key, &kernel.peers[0].key, WG_KEY_LEN);
	memcpy(&wanted[1].key, &kernel.peers[1].key, WG_KEY_LEN);
	settle(3);
	for (size_t i = 0; i < 3; i++) {
		bool first = memcmp(&wanted[i].key, &kernel.peers[0].key, WG_KEY_LEN) ==
			     0;
		bool second = memcmp(&wanted[i].key, &kernel.peers[1].key, WG_KEY_LEN) ==
			      0;

		assert_int_equal(wanted[i].handshake, first    ? 1764381600
						      : second ? 0
							       : WIREGUARD_PEER_ABSENT);
	}
}

static void test_key_and_port_are_set_and_read(void **state)
{
	const struct wireguard_key key = {.bytes = {8, 1, 2, 3}};
	struct wireguard_changes changes;
	struct wireguard_device has;

	(void)state;
	assert_int_equal(wireguard_set(NULL, &device, &key, false, 51821, NULL), 0);
	assert_int_equal(
		wireguard_peers_compare(NULL, &device, NULL, 0, &changes, &has, NULL), 0);
	assert_memory_equal(&has.private_key, &key, sizeof(key));
	assert_int_equal(has.port, 51821);
	assert_int_equal(changes.n, 0);
	wireguard_device_wipe(&has);
	assert_true(has.private_key.bytes[0] == 0 && has.private_key.bytes[3] == 0);
}

static void test_a_peer_is_greeted_until_hands_were_shaken(void **state)
{
	(void)state;
	want(2);
	wanted[0].greet = true;
	settle(2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(peer_of(&wanted[i].key, false)->keepalive,
				 wanted[i].greet ? 5 : 0);
	assert_int_equal(settle(2), 0);
	for (size_t i = 0; i < 2; i++)
		peer_of(&wanted[i].key, false)->handshake = 1764381600;
	assert_int_equal(settle(2), 1);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(peer_of(&wanted[i].key, false)->keepalive, 0);
	assert_int_equal(settle(2), 0);
	assert_int_equal(kernel.replaced, 0);
	assert_right(2);
}

static void test_a_new_private_key_forgets_the_handshakes(void **state)
{
	const struct wireguard_key key = {.bytes = {8, 1, 2, 3}};

	(void)state;
	want(2);
	settle(2);
	assert_int_equal(wireguard_set(NULL, &device, &key, false, 51820, NULL), 0);
	assert_int_equal(settle(2), 0);
	assert_int_equal(wireguard_set(NULL, &device, &key, true, 51820, NULL), 0);
	assert_int_equal(settle(2), 2);
	assert_right(2);
}

/* What the device has it may keep, and what it is to lose it loses. */
static void test_peers_that_are_new_can_be_held_back(void **state)
{
	struct wireguard_changes changes;
	struct wireguard_device has;

	(void)state;
	want(20);
	settle(10);
	kernel.peers[3].n--;
	assert_int_equal(wireguard_peers_compare(NULL, &device, wanted, 20, &changes,
						 &has, NULL),
			 0);
	assert_int_equal(changes.n, 11);
	wireguard_changes_hold(&changes);
	assert_int_equal(changes.n, 1);
	assert_memory_equal(&changes.items[0].key, &kernel.peers[3].key, WG_KEY_LEN);
	wireguard_changes_clear(&changes);
	assert_int_equal(
		wireguard_peers_compare(NULL, &device, NULL, 0, &changes, &has, NULL), 0);
	wireguard_changes_hold(&changes);
	assert_int_equal(changes.n, 10);
	wireguard_changes_clear(&changes);
	assert_int_equal(settle(20), 11);
	assert_right(20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_thousands_of_peers_go_in_several_messages,
				       kernel_reset),
		cmocka_unit_test_setup(test_what_is_right_is_left_alone, kernel_reset),
		cmocka_unit_test_setup(test_an_interrupted_dump_begins_again,
				       kernel_reset),
		cmocka_unit_test_setup(test_each_difference_is_seen, kernel_reset),
		cmocka_unit_test_setup(test_a_prefix_that_is_none_is_an_error,
				       kernel_reset),
		cmocka_unit_test_setup(test_a_nodes_other_address_serves_as_well,
				       kernel_reset),
		cmocka_unit_test_setup(test_handshakes_are_told, kernel_reset),
		cmocka_unit_test_setup(test_key_and_port_are_set_and_read, kernel_reset),
		cmocka_unit_test_setup(test_a_peer_is_greeted_until_hands_were_shaken,
				       kernel_reset),
		cmocka_unit_test_setup(test_a_new_private_key_forgets_the_handshakes,
				       kernel_reset),
		cmocka_unit_test_setup(test_peers_that_are_new_can_be_held_back,
				       kernel_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
