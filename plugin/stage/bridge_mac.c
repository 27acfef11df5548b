/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which MAC address a bridge gets, or keeps. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "plugin/netlink/link.h"
#include "bridge_mac.h"

/*
 * The MAC address of a bridge made here. It is the same whenever the bridge is made anew
 * while the node is up, as pods have it in their neighbour caches. Where the boot can't
 * be told, none is set: the kernel chooses one, which is pinned as that of a bridge that
 * was found.
 */
struct mac_addr bridge_own_mac(const struct attachment *att)
{
	const char *boot = att->op->kernel.ipam.boot_id;

	return boot[0] ? identity_bridge_mac(boot, netlink_cookie(att->op->node.rtnl),
					     att->bridge)
		       : (struct mac_addr){};
}

bool bridge_has_own_mac(const struct attachment *att, const struct link *link)
{
	struct mac_addr own = bridge_own_mac(att);

	return own.set && memcmp(own.bytes, link->mac.bytes, MAC_LEN) == 0;
}

/* A bridge has zeros for a MAC address once its ports have left, if nobody has set
 * one. */
static bool has_no_mac(const struct link *link)
{
	static const uint8_t zeros[MAC_LEN];

	return memcmp(link->mac.bytes, zeros, MAC_LEN) == 0;
}

/* Gives the MAC address that somebody's bridge is to keep: the one that it has, or one
 * that doesn't tell that the bridge was made here. */
struct mac_addr bridge_mac_to_pin(const struct attachment *att, const struct link *link)
{
	struct mac_addr mac = has_no_mac(link) ? bridge_own_mac(att) : link->mac;

	if (has_no_mac(link))
		mac.bytes[0] = 0x02;
	return mac;
}

/*
 * A bridge whose MAC address nobody has set takes that of its lowest port, and changes it
 * as ports come and go. /sys tells which it is (NET_ADDR_SET is 3, linux/netdevice.h).
 * Where it can't be read, setting the present address once more does no harm.
 */
bool bridge_mac_is_pinned(const struct attachment *att, const struct link *link)
{
	_cleanup_(close_p) int fd = -1;
	char path[64 + IF_NAMESIZE], value = 0;

	if (bridge_has_own_mac(att, link))
		return true; /* no port has that address */
	if (has_no_mac(link) && bridge_own_mac(att).set)
		return false;
	snprintf(path, sizeof(path), "/sys/class/net/%s/addr_assign_type", link->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &value, 1) == 1 && value == '3';
}
