/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash of the name, in the part of the MAC addresses that belongs to no manufacturer. */
#include "node_mac.h"

#include "conf/identity.h"

struct mac_addr node_mac(const char *node_name)
{
	uint64_t hash = hash_text(node_name);
	struct mac_addr mac = {.set = true};

	for (int i = 0; i < MAC_LEN; i++)
		mac.bytes[i] = (uint8_t)(hash >> (8 * i));
	mac.bytes[0] = (uint8_t)((mac.bytes[0] & ~0x01) | 0x02);
	return mac;
}
