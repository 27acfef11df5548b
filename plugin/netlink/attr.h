/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files that read answers: the value of an attribute. It is 0, or no address,
 * where the attribute is missing or too short. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_ATTR_H
#define BRIDGE_CNI_PLUGIN_NETLINK_ATTR_H

#include <arpa/inet.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdint.h>
#include <string.h>

#include "conf/base/addr.h"

static inline uint8_t get_u8(const struct nlattr *attr)
{
	return attr && nla_len(attr) >= 1 ? nla_get_u8(attr) : 0;
}

static inline uint16_t get_u16(const struct nlattr *attr)
{
	return attr && nla_len(attr) >= 2 ? nla_get_u16(attr) : 0;
}

static inline uint32_t get_u32(const struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
}

/* Of nf_tables, whose numbers are in network byte order. */
static inline uint32_t be_u32(const struct nlattr *attr)
{
	return ntohl(get_u32(attr));
}

static inline void get_ip(const struct nlattr *attr, int family, struct ip_addr *ret_addr)
{
	*ret_addr = (struct ip_addr){};
	if (!attr || nla_len(attr) < (int)ip_size(family))
		return;
	ret_addr->family = family;
	memcpy(ret_addr->bytes, nla_data(attr), ip_size(family));
}

#endif
