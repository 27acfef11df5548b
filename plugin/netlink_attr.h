/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files that read answers: an attribute's number; 0 where it is missing or short. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_ATTR_H
#define BRIDGE_CNI_PLUGIN_NETLINK_ATTR_H

#include <netlink/attr.h>
#include <stdint.h>

static inline uint32_t get_u32(const struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
}

#endif
