/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link_counters.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "build.h"

static int counters_read(const struct nlmsghdr *answer, void *data)
{
	struct link_counters *counters = data;
	struct nlattr *attrs[IFLA_MAX + 1];
	struct rtnl_link_stats64 stats = {};
	size_t len;

	*counters = (struct link_counters){};
	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct ifinfomsg), attrs,
			IFLA_MAX, NULL) < 0)
		return -EBADMSG;
	if (!attrs[IFLA_STATS64])
		return 0;
	/* Kernels tell more, or less, than the header has. */
	len = nla_len(attrs[IFLA_STATS64]);
	memcpy(&stats, nla_data(attrs[IFLA_STATS64]),
	       len < sizeof(stats) ? len : sizeof(stats));
	counters->received = (struct link_traffic){stats.rx_packets, stats.rx_bytes,
						   stats.rx_errors, stats.rx_dropped};
	counters->sent = (struct link_traffic){stats.tx_packets, stats.tx_bytes,
					       stats.tx_errors, stats.tx_dropped};
	return 0;
}

int link_counters_get(struct netlink *nl, unsigned int index,
		      struct link_counters *ret_counters, struct cni_error *err)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct nlmsghdr *msg = netlink_queue(
		nl, RTM_GETLINK, 0, "reading the counters of interface %u", index);
	int ret;

	begin(nl, msg, &header, sizeof(header));
	ret = netlink_request(nl, counters_read, ret_counters, ENODEV, err);
	return ret == NETLINK_EXPECTED ? 0 : ret;
}
