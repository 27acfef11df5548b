/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks for a family's parameters of all interfaces, and reads one of them. */
#include "netconf.h"

#include <errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "attr.h"
#include "build.h"

static int forwarding_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[NETCONFA_MAX + 1];
	bool *on = data;

	*on = false;
	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct netconfmsg), attrs,
			NETCONFA_MAX, NULL) < 0)
		return -EBADMSG;
	*on = get_u32(attrs[NETCONFA_FORWARDING]);
	return 0;
}

int netconf_forwarding_get(struct netlink *nl, int family, bool *ret_on,
			   struct cni_error *err)
{
	const struct netconfmsg header = {.ncm_family = family};
	struct nlmsghdr *msg = netlink_queue(nl, RTM_GETNETCONF, 0,
					     "asking whether the node forwards IPv%d",
					     family == AF_INET ? 4 : 6);
	bool on = false;
	int ret;

	put_u32(begin(nl, msg, &header, sizeof(header)), NETCONFA_IFINDEX,
		(uint32_t)NETCONFA_IFINDEX_ALL);
	ret = netlink_request(nl, forwarding_read, &on, EOPNOTSUPP, err);
	if (ret == NETLINK_EXPECTED)
		return NETCONF_ABSENT;
	if (ret == 0)
		*ret_on = on;
	return ret;
}
