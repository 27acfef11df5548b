/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A look-up in the kernel's routing tables. */
#include "netlink_fib.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include "netlink_build.h"

static int interface_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[RTA_MAX + 1];
	unsigned int *index = data;

	*index = 0;
	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct rtmsg), attrs, RTA_MAX,
			NULL) < 0)
		return -EBADMSG;
	if (attrs[RTA_OIF] && nla_len(attrs[RTA_OIF]) >= 4)
		*index = nla_get_u32(attrs[RTA_OIF]);
	return 0;
}

int route_interface(struct netlink *nl, const struct ip_addr *addr,
		    unsigned int *ret_index, struct cni_error *err)
{
	const struct rtmsg header = {
		.rtm_family = addr->family,
		.rtm_dst_len = ip_bits(addr->family),
	};
	unsigned int index = 0;
	int ret;

	put(begin(nl,
		  netlink_queue(nl, RTM_GETROUTE, 0, "looking the route to %s up",
				IP_TEXT(addr)),
		  &header, sizeof(header)),
	    RTA_DST, addr->bytes, ip_size(addr->family));
	ret = netlink_request(nl, interface_read, &index, ENETUNREACH, err);
	if (ret < 0 && ret != -ENETUNREACH)
		return ret;
	*ret_index = index;
	return 0;
}
