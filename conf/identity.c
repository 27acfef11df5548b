/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and MAC addresses that follow from an attachment's identity. */
#include "identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "names.h"
#include "conf/base/sha512.h"

#define FNV_OFFSET 0xcbf29ce484222325u
#define FNV_PRIME  0x100000001b3u

#define OWNER_PATH_MAX 4200 /* bytes of the store's path, normalized */

uint64_t hash_more(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * FNV_PRIME;
	return hash;
}

/* FNV leaves the low bits of short texts alike: mix them (as in MurmurHash3). */
static uint64_t avalanche(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdu;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53u;
	return hash ^ hash >> 33;
}

uint64_t hash_bytes(const void *data, size_t len)
{
	return avalanche(hash_more(FNV_OFFSET, data, len));
}

uint64_t hash_text(const char *text)
{
	return hash_bytes(text, strlen(text));
}

/* Neither name can hold a NUL, so that one between them keeps (ab, c) and (a, bc)
 * apart. */
static uint64_t hash_pair(const char *first, const char *second)
{
	uint64_t hash = hash_more(FNV_OFFSET, first, strlen(first) + 1);

	return avalanche(hash_more(hash, second, strlen(second)));
}

/* The components of @path, each behind one '/'. */
static size_t path_normalize(const char *path, char *ret_text, size_t size)
{
	size_t len = 0;

	while (*path) {
		size_t part = strcspn(path, "/");

		if (part > 0 && !(part == 1 && *path == '.') && len + 1 + part < size) {
			ret_text[len++] = '/';
			memcpy(ret_text + len, path, part);
			len += part;
		}
		path += part + (path[part] == '/');
	}
	return len;
}

uint64_t identity_owner(const char *network, const char *bridge, const char *data_dir)
{
	/* A NUL between them keeps ("ab", "c") and ("a", "bc") apart. */
	char text[CNI_NAME_MAX + 1 + IF_NAMESIZE + OWNER_PATH_MAX];
	int names = snprintf(text, sizeof(text), "%s%c%s%c", network, '\0', bridge, '\0');
	uint8_t digest[SHA512_LEN];
	uint64_t owner = 0;

	names += path_normalize(data_dir, text + names, sizeof(text) - names);
	sha512(text, names, digest);
	for (size_t i = 0; i < sizeof(owner); i++)
		owner = owner << 8 | digest[i];
	return owner;
}

uint64_t identity_owner_by_name(const char *network)
{
	return hash_text(network);
}

static void base32(uint64_t bits, char *ret_text, size_t chars)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (size_t i = 0; i < chars; i++, bits >>= 5)
		ret_text[i] = digits[bits & 31];
}

void identity_host_ifname_prefix(const char *network, char ret_prefix[IF_NAMESIZE])
{
	size_t prefix = strlen(HOST_IFNAME_PREFIX);

	memset(ret_prefix, 0, IF_NAMESIZE);
	memcpy(ret_prefix, HOST_IFNAME_PREFIX, prefix);
	base32(hash_text(network), ret_prefix + prefix, HOST_IFNAME_NET_CHARS);
}

void identity_host_ifname(const char *network, const char *container_id,
			  const char *ifname, char ret_name[IF_NAMESIZE])
{
	identity_host_ifname_prefix(network, ret_name);
	base32(hash_pair(container_id, ifname), ret_name + strlen(ret_name),
	       HOST_IFNAME_POD_CHARS);
}

void identity_ifb(const char *host_ifname, char ret_name[IF_NAMESIZE])
{
	memset(ret_name, 0, IF_NAMESIZE);
	snprintf(ret_name, IF_NAMESIZE, IFB_PREFIX "%s",
		 host_ifname + strlen(HOST_IFNAME_PREFIX));
}

void identity_vlan_port(const char *gateway_ifname, char ret_name[IF_NAMESIZE])
{
	memset(ret_name, 0, IF_NAMESIZE);
	memcpy(ret_name, "vlan", 4);
	base32(hash_text(gateway_ifname), ret_name + 4, IF_NAMESIZE - 1 - 4);
}

void identity_alias(const char *network, const char *container_id, const char *ifname,
		    char ret_alias[LINK_ALIAS_MAX])
{
	snprintf(ret_alias, LINK_ALIAS_MAX, LINK_ALIAS_PREFIX "%s %s %s", network,
		 container_id, ifname);
}

bool identity_alias_read(const char *alias, struct alias_names *ret_names)
{
	struct alias_names names;

	/* The blank at the prefix's end is compared as well, which sscanf() wouldn't do:
	 * the bridge's own alias begins with the same word and a colon. */
	if (strncmp(alias, LINK_ALIAS_PREFIX, strlen(LINK_ALIAS_PREFIX)) != 0 ||
	    sscanf(alias + strlen(LINK_ALIAS_PREFIX), "%254s %254s %15s", names.network,
		   names.container_id, names.ifname) != 3)
		return false;
	*ret_names = names;
	return true;
}

bool identity_alias_is_anothers(const char *alias, const char *network,
				const char *container_id, const char *ifname)
{
	char own[LINK_ALIAS_MAX];

	identity_alias(network, container_id, ifname, own);
	return strncmp(alias, LINK_ALIAS_PREFIX, strlen(LINK_ALIAS_PREFIX)) == 0 &&
	       strcmp(alias, own) != 0;
}

static struct mac_addr identity_mac(uint8_t first, uint64_t owner,
				    const char *container_id, const char *ifname)
{
	uint64_t hash = hash_more(owner, container_id, strlen(container_id) + 1);
	struct mac_addr mac = {.set = true, .bytes = {first}};

	hash = avalanche(hash_more(hash, ifname, strlen(ifname)));
	memcpy(mac.bytes + 1, &hash, MAC_LEN - 1);
	return mac;
}

struct mac_addr identity_host_mac(uint64_t owner, const char *container_id,
				  const char *ifname)
{
	/* fe: above all other addresses, so that a bridge that follows its lowest port's
	 * address doesn't come to follow this one. */
	return identity_mac(0xfe, owner, container_id, ifname);
}

struct mac_addr identity_ifb_mac(uint64_t owner, const char *container_id,
				 const char *ifname)
{
	return identity_mac(0xfa, owner, container_id, ifname);
}

struct mac_addr identity_container_mac(const char *network, const char *container_id,
				       const char *ifname)
{
	return identity_mac(0x0a, hash_text(network), container_id, ifname);
}

struct mac_addr identity_bridge_mac(const char *boot, uint64_t cookie, const char *bridge)
{
	char node[17];

	snprintf(node, sizeof(node), "%016" PRIx64, cookie);
	return identity_mac(0x06, hash_text(boot), node, bridge);
}

struct mac_addr identity_mac_of_ip(const struct ip_addr *addr)
{
	struct mac_addr mac = {.set = true, .bytes = {0x0a, 0x58}};

	if (addr->family == AF_INET) {
		memcpy(mac.bytes + 2, addr->bytes, 4);
	} else {
		uint64_t hash = avalanche(hash_more(FNV_OFFSET, addr->bytes, 16));

		mac.bytes[0] = 0x0e;
		memcpy(mac.bytes + 1, &hash, MAC_LEN - 1);
	}
	return mac;
}

/* Writes the first @digits hexadecimal digits of the SHA-512 of the three texts one
 * behind the other. The texts are names: at most CNI_NAME_MAX bytes each. */
static void sha512_digits(const char *first, const char *second, const char *third,
			  char *ret_text, size_t digits)
{
	char text[2 * CNI_NAME_MAX + IF_NAMESIZE];
	uint8_t digest[SHA512_LEN];

	snprintf(text, sizeof(text), "%s%s%s", first, second, third);
	sha512(text, strlen(text), digest);
	for (size_t i = 0; i < digits / 2; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", digest[i]);
}

void identity_reference_chain(const char *network, const char *container_id,
			      char ret_chain[REFERENCE_CHAIN_MAX])
{
	strcpy(ret_chain, "CNI-");
	sha512_digits(network, container_id, "", ret_chain + 4, 24);
}

void identity_reference_comment(const char *network, const char *container_id,
				const char *ifname,
				char ret_comment[REFERENCE_COMMENT_MAX])
{
	sha512_digits(network, "", "", ret_comment, 16);
	ret_comment[16] = '-';
	sha512_digits(ifname, ":", container_id, ret_comment + 17, 16);
}
