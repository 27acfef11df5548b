/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses as bytes; their text as Go's net.IP.String() writes it, on any libc. */
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "hex.h"

const int ip_families[IP_FAMILIES] = {AF_INET, AF_INET6};

int ip_parse(const char *text, struct ip_addr *ret_addr)
{
	struct ip_addr addr = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(addr.family, text, addr.bytes) != 1)
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

/* Decimal digits, no sign, no leading zeros; four of them are out of range already. */
static int parse_prefix_len(const char *text, unsigned int *ret_len)
{
	size_t digits = strspn(text, "0123456789");
	unsigned int len = 0;

	if (digits == 0 || text[digits] || (text[0] == '0' && digits > 1))
		return -EINVAL;
	for (size_t i = 0; i < digits && i < 4; i++)
		len = 10 * len + (text[i] - '0');
	*ret_len = len;
	return 0;
}

int prefix_parse(const char *text, struct ip_prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	struct ip_prefix prefix = {};
	char addr[IP_TEXT_MAX];
	unsigned int len;

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, slash - text);
	addr[slash - text] = '\0';
	if (ip_parse(addr, &prefix.addr) < 0 || parse_prefix_len(slash + 1, &len) < 0)
		return -EINVAL;
	if (len > ip_bits(prefix.addr.family))
		return -ERANGE;
	prefix.len = (uint8_t)len;
	*ret_prefix = prefix;
	return 0;
}

int mac_parse(const char *text, struct mac_addr *ret_mac)
{
	char separator = strlen(text) == MAC_TEXT_MAX - 1 ? text[2] : '.';
	int group = separator == '.' ? 2 : 1; /* bytes between separators */
	struct mac_addr mac = {.set = true};

	if (separator != ':' && separator != '-' && separator != '.')
		return -EINVAL;
	for (int i = 0; i < MAC_LEN; i++) {
		int high, low;

		if (i > 0 && i % group == 0 && *text++ != separator)
			return -EINVAL;
		high = hex_digit(*text);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return -EINVAL;
		text += 2;
		mac.bytes[i] = high << 4 | low;
	}
	if (*text)
		return -EINVAL;
	*ret_mac = mac;
	return 0;
}

/* The first longest run of two or more zero groups, which "::" stands for. */
static void find_zero_run(const uint8_t *bytes, int *ret_start, int *ret_end)
{
	*ret_start = *ret_end = -1;
	for (int i = 0; i < 8; i++) {
		int end = i;

		while (end < 8 && bytes[2 * end] == 0 && bytes[2 * end + 1] == 0)
			end++;
		if (end - i >= 2 && end - i > *ret_end - *ret_start) {
			*ret_start = i;
			*ret_end = end;
		}
		if (end > i)
			i = end;
	}
}

/* Writes a number of at most three digits, and returns what is behind them. printf() is
 * slower, and an ADD writes some thirty of these. */
static char *put_decimal(char *out, unsigned int n)
{
	if (n >= 100)
		*out++ = '0' + n / 100;
	if (n >= 10)
		*out++ = '0' + n / 10 % 10;
	*out++ = '0' + n % 10;
	*out = '\0';
	return out;
}

static void put_dotted(char *out, const uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		out = put_decimal(out, bytes[i]);
		*out++ = i < 3 ? '.' : '\0';
	}
}

/* Writes a group of an IPv6 address without leading zeros, and returns what is behind
 * it. */
static char *put_group(char *out, const uint8_t bytes[2])
{
	unsigned int group = bytes[0] << 8 | bytes[1], digits = 1;

	while (group >> 4 * digits)
		digits++;
	hex_put(group, out, digits);
	return out + digits;
}

/* inet_ntop() is not used: C libraries differ on addresses that end in an IPv4 address. */
static void put_groups(char *out, const uint8_t bytes[16])
{
	int zeros, zeros_end;

	find_zero_run(bytes, &zeros, &zeros_end);
	for (int i = 0; i < 8; i++) {
		if (i > 0 || i == zeros)
			*out++ = ':';
		if (i == zeros) {
			*out++ = ':';
			i = zeros_end;
		}
		if (i < 8)
			out = put_group(out, bytes + 2 * i);
	}
	*out = '\0';
}

const char *ip_format(const struct ip_addr *addr, char buf[IP_TEXT_MAX])
{
	if (addr->family == AF_INET)
		put_dotted(buf, addr->bytes);
	else if (addr->family == AF_INET6 && ip_is_v4_mapped(addr))
		put_dotted(buf, addr->bytes + 12);
	else if (addr->family == AF_INET6)
		put_groups(buf, addr->bytes);
	else
		buf[0] = '\0';
	return buf;
}

const char *prefix_format(const struct ip_prefix *prefix, char buf[PREFIX_TEXT_MAX])
{
	size_t used = strlen(ip_format(&prefix->addr, buf));

	buf[used] = '/';
	put_decimal(buf + used + 1, prefix->len);
	return buf;
}

bool mac_is_unicast(const struct mac_addr *mac)
{
	static const uint8_t none[MAC_LEN];

	return !(mac->bytes[0] & 1) && memcmp(mac->bytes, none, MAC_LEN) != 0;
}

const char *mac_format(const struct mac_addr *mac, char buf[MAC_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	char *out = buf;

	for (int i = 0; i < MAC_LEN; i++) {
		*out++ = digits[mac->bytes[i] >> 4];
		*out++ = digits[mac->bytes[i] & 15];
		*out++ = i < MAC_LEN - 1 ? ':' : '\0';
	}
	return buf;
}

_Static_assert(sizeof(struct ip_prefix) == 18, "addresses are compared byte by byte");

bool ip_is_any(const struct ip_addr *addr)
{
	static const uint8_t any[sizeof(addr->bytes)];

	return memcmp(addr->bytes, any, sizeof(any)) == 0;
}

bool ip_is_loopback(const struct ip_addr *addr)
{
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

	if (addr->family == AF_INET)
		return addr->bytes[0] == IN_LOOPBACKNET;
	return addr->family == AF_INET6 &&
	       memcmp(addr->bytes, &loopback, sizeof(loopback)) == 0;
}

bool ip_is_link_local6(const struct ip_addr *addr)
{
	return addr->family == AF_INET6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

bool ip_is_v4_mapped(const struct ip_addr *addr)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return addr->family == AF_INET6 &&
	       memcmp(addr->bytes, mapped, sizeof(mapped)) == 0;
}

struct ip_addr ip_unmap(const struct ip_addr *addr)
{
	struct ip_addr v4 = {.family = AF_INET};

	if (!ip_is_v4_mapped(addr))
		return *addr;
	memcpy(v4.bytes, addr->bytes + 12, 4);
	return v4;
}

bool ip_next(const struct ip_addr *addr, struct ip_addr *ret_next)
{
	struct ip_addr next = *addr;

	for (int i = ip_size(addr->family) - 1; i >= 0; i--) {
		if (++next.bytes[i] != 0) {
			*ret_next = next;
			return true;
		}
	}
	return false;
}

/* The bits of byte @i that belong to the network. */
static uint8_t mask_byte(unsigned int prefix_len, unsigned int i)
{
	if (prefix_len >= 8 * (i + 1))
		return 0xff;
	if (prefix_len <= 8 * i)
		return 0;
	return 0xff << (8 - prefix_len % 8);
}

struct ip_prefix prefix_network(const struct ip_prefix *prefix)
{
	struct ip_prefix network = *prefix;

	for (unsigned int i = 0; i < ip_size(prefix->addr.family); i++)
		network.addr.bytes[i] &= mask_byte(prefix->len, i);
	return network;
}

struct ip_addr prefix_last(const struct ip_prefix *prefix)
{
	struct ip_addr last = prefix->addr;

	for (unsigned int i = 0; i < ip_size(prefix->addr.family); i++)
		last.bytes[i] |= ~mask_byte(prefix->len, i);
	return last;
}

bool prefix_is_default(const struct ip_prefix *prefix)
{
	return prefix->addr.family != 0 && prefix->len == 0 && ip_is_any(&prefix->addr);
}

const char *ip_family_name(int family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

struct ip_addr ip_link_local_of(const struct mac_addr *mac)
{
	const uint8_t *m = mac->bytes;

	return (struct ip_addr){
		.family = AF_INET6,
		.bytes = {0xfe, 0x80, [8] = m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4],
			  m[5]},
	};
}
