/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IP addresses, prefixes and MAC addresses: text to bytes and back, and the arithmetic
 * that ranges need. Text is spelled as Go's net package spells it (RFC 5952), because
 * addresses are file names in the host-local store.
 */
#ifndef BRIDGE_CNI_CONF_BASE_ADDR_H
#define BRIDGE_CNI_CONF_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bytes.h"

#define IP_TEXT_MAX	46 /* INET6_ADDRSTRLEN, with the NUL */
#define PREFIX_TEXT_MAX (IP_TEXT_MAX + 4)
#define MAC_LEN		6
#define MAC_TEXT_MAX	18

/* family: AF_INET (bytes 0-3 used, the others zero), AF_INET6, or 0: no address. The bytes
 * of an address, and those of a prefix, are in the order in which they are compared. */
struct ip_addr {
	uint8_t family;
	uint8_t bytes[16];
};

/* An address with its prefix length: an interface address or a network. */
struct ip_prefix {
	struct ip_addr addr;
	uint8_t len;
};

/* Addresses from one to another, inclusive. */
struct ip_span {
	struct ip_addr from, to;
};

struct ip_span_list {
	struct ip_span *items;
	size_t n;
};

struct mac_addr {
	bool set;
	uint8_t bytes[MAC_LEN];
};

/* Bytes (bits) of an address of this family: 4 or 16 (32 or 128). */
static inline unsigned int ip_size(int family)
{
	return family == 2 /* AF_INET */ ? 4 : 16;
}
static inline unsigned int ip_bits(int family)
{
	return 8 * ip_size(family);
}

/*
 * Reads an address strictly: a dotted quad without leading zeros, or text of RFC 4291,
 * without scope and white space. An IPv4-mapped IPv6 address stays an IPv6 address. 0 or
 * -EINVAL.
 */
int ip_parse(const char *text, struct ip_addr *ret_addr);

/*
 * "10.1.2.3/24": address and prefix length, host bits kept. 0, -EINVAL, or -ERANGE when
 * the text is right but the prefix length is beyond the family's.
 */
int prefix_parse(const char *text, struct ip_prefix *ret_prefix);

/* "02:00:00:00:00:01", "02-00-00-00-00-01" or "0200.0000.0001". 0 or -EINVAL. */
int mac_parse(const char *text, struct mac_addr *ret_mac);

/* An address that an interface can have: neither multicast nor all zero. */
bool mac_is_unicast(const struct mac_addr *mac);

/* Are both the same address, or both not set? */
static inline bool mac_equal(const struct mac_addr *a, const struct mac_addr *b)
{
	return a->set == b->set && memcmp(a->bytes, b->bytes, MAC_LEN) == 0;
}

/* The @buf versions return @buf, so that they can stand in an argument list. */
const char *ip_format(const struct ip_addr *addr, char buf[IP_TEXT_MAX]);
const char *prefix_format(const struct ip_prefix *prefix, char buf[PREFIX_TEXT_MAX]);
const char *mac_format(const struct mac_addr *mac, char buf[MAC_TEXT_MAX]);

#define IP_TEXT(addr)	 ip_format((addr), (char[IP_TEXT_MAX]){})
#define PREFIX_TEXT(pfx) prefix_format((pfx), (char[PREFIX_TEXT_MAX]){})
#define MAC_TEXT(mac)	 mac_format((mac), (char[MAC_TEXT_MAX]){})

/* <0, 0, >0; IPv4 sorts before IPv6. */
static inline int ip_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	/* AF_INET < AF_INET6, and 0, no address, is before both. */
	return bytes_cmp(a, b, sizeof(*a));
}
static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
static inline bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_equal(&a->addr, &b->addr);
}

/* 0.0.0.0, ::, and an address that isn't set. */
bool ip_is_any(const struct ip_addr *addr);
/* 127.0.0.0/8, ::1 */
bool ip_is_loopback(const struct ip_addr *addr);
/* fe80::/10 */
bool ip_is_link_local6(const struct ip_addr *addr);

/* ::ffff:0:0/96 */
bool ip_is_v4_mapped(const struct ip_addr *addr);
/* The IPv4 address of a mapped one; any other as it is. */
struct ip_addr ip_unmap(const struct ip_addr *addr);

/* The following address; false when @addr was the last of its family. */
bool ip_next(const struct ip_addr *addr, struct ip_addr *ret_next);

/* Is @addr of the prefix's family, and do its first bits agree with the prefix? */
static inline bool prefix_contains(const struct ip_prefix *prefix,
				   const struct ip_addr *addr)
{
	const uint8_t *one = prefix->addr.bytes, *other = addr->bytes;
	uint64_t high = bytes_word(one) ^ bytes_word(other);
	uint64_t low = bytes_word(one + 8) ^ bytes_word(other + 8);

	if (prefix->addr.family != addr->family)
		return false;
	if (prefix->len <= 64)
		return prefix->len == 0 || high >> (64 - prefix->len) == 0;
	return high == 0 && low >> (128 - prefix->len) == 0;
}

/* Do they have an address in common? Their host bits are zero. */
static inline bool prefix_overlaps(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return prefix_contains(a, &b->addr) || prefix_contains(b, &a->addr);
}

/* The prefix with its host bits cleared; the first and last address in it. */
struct ip_prefix prefix_network(const struct ip_prefix *prefix);
struct ip_addr prefix_last(const struct ip_prefix *prefix);

/* 0.0.0.0/0 or ::/0 */
bool prefix_is_default(const struct ip_prefix *prefix);

/* AF_INET and AF_INET6, for loops over both. */
#define IP_FAMILIES 2
extern const int ip_families[IP_FAMILIES];

/* "IPv4" or "IPv6". */
const char *ip_family_name(int family);

/* Returns the link-local address that the kernel makes for an interface with this MAC
 * address (RFC 4291, appendix A). */
struct ip_addr ip_link_local_of(const struct mac_addr *mac);

#endif
