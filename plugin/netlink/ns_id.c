/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ns_id.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "attr.h"
#include "build.h"
#include "conf/base/list.h"

static struct builder ns_id_begin(struct netlink *nl, struct nlmsghdr *msg)
{
	const struct rtgenmsg header = {.rtgen_family = AF_UNSPEC};

	return begin(nl, msg, &header, sizeof(header));
}

int ns_id_give(struct netlink *nl, int fd, struct cni_error *err)
{
	struct builder b = ns_id_begin(
		nl, netlink_queue(nl, RTM_NEWNSID, 0,
				  "giving the container's network namespace a number"));
	struct cni_error own = {};
	int ret;

	put_u32(b, NETNSA_NSID, (uint32_t)NETNSA_NSID_NOT_ASSIGNED); /* any */
	put_u32(b, NETNSA_FD, fd);
	ret = netlink_commit(nl, &own);
	if (ret == 0 || ret == -EEXIST)
		return 0;
	error_copy(err, &own);
	return ret;
}

static int id_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *attrs[NETNSA_MAX + 1];
	struct ns_id_list *list = data;
	int *id;

	if (!answer) {
		ns_id_list_clear(list);
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct rtgenmsg), attrs,
			NETNSA_MAX, NULL) < 0)
		return -EBADMSG;
	if (!attrs[NETNSA_NSID])
		return 0;
	id = LIST_ADD(list);
	if (!id)
		return -ENOMEM;
	*id = (int)get_u32(attrs[NETNSA_NSID]);
	return 0;
}

int ns_id_list_get(struct netlink *nl, struct ns_id_list *ret_list, struct cni_error *err)
{
	struct ns_id_list list = {};
	int ret;

	ns_id_begin(nl, netlink_queue(nl, RTM_GETNSID, NLM_F_DUMP,
				      "listing the numbers of network namespaces"));
	ret = netlink_request(nl, id_read, &list, 0, err);
	if (ret < 0) {
		ns_id_list_clear(&list);
		return ret;
	}
	*ret_list = list;
	return 0;
}

void ns_id_list_clear(struct ns_id_list *list)
{
	free(list->items);
	*list = (struct ns_id_list){};
}
