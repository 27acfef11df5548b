/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks addresses up in the kernel's routing tables: one question, one answer. */
#include "fib.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include "attr.h"
#include "build.h"

void queue_route_question(struct netlink *nl, const struct ip_addr *addr,
			  unsigned int flags)
{
	const struct rtmsg header = {
		.rtm_family = addr->family,
		.rtm_dst_len = ip_bits(addr->family),
		.rtm_flags = flags,
	};

	put(begin(nl,
		  netlink_queue(nl, RTM_GETROUTE, 0, "looking the route to %s up",
				IP_TEXT(addr)),
		  &header, sizeof(header)),
	    RTA_DST, addr->bytes, ip_size(addr->family));
}

/* How the kernel would send a packet. */
struct decision {
	uint8_t type; /* RTN_*; RTN_UNSPEC: there is no route */
	unsigned int index; /* of the interface */
};

static int decision_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[RTA_MAX + 1];
	struct decision *decision = data;

	*decision = (struct decision){.type = RTN_UNSPEC};
	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct rtmsg), attrs, RTA_MAX,
			NULL) < 0)
		return -EBADMSG;
	decision->type = ((const struct rtmsg *)nlmsg_data(answer))->rtm_type;
	decision->index = get_u32(attrs[RTA_OIF]);
	return 0;
}

static int decision_get(struct netlink *nl, const struct ip_addr *addr,
			struct decision *ret_decision, struct cni_error *err)
{
	struct decision decision = {};
	int ret;

	queue_route_question(nl, addr, 0);
	ret = netlink_request(nl, decision_read, &decision, ENETUNREACH, err);
	if (ret < 0)
		return ret;
	*ret_decision = decision;
	return 0;
}

int route_interface(struct netlink *nl, const struct ip_addr *addr,
		    unsigned int *ret_index, struct cni_error *err)
{
	struct decision decision;
	int ret = decision_get(nl, addr, &decision, err);

	if (ret == 0)
		*ret_index = decision.index;
	return ret;
}

int route_is_local(struct netlink *nl, const struct ip_addr *addr, bool *ret_local,
		   struct cni_error *err)
{
	struct decision decision;
	int ret = decision_get(nl, addr, &decision, err);

	if (ret == 0)
		*ret_local = decision.type == RTN_LOCAL;
	return ret;
}
