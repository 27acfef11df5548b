/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index of an interface, which is asked for beside the queue of a connection. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "queue.h"

/* No message of a queue has this number, as they are counted from one. */
#define NUMBER UINT32_MAX

struct question {
	struct nlmsghdr header;
	struct ifinfomsg link;
	struct nlattr mask_header;
	uint32_t mask;
	struct nlattr name_header;
	char name[IF_NAMESIZE];
};

/* The beginning of an answer. The kernel throws away the rest of the datagram. */
struct answer {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link; /* RTM_NEWLINK */
		int error; /* NLMSG_ERROR: -errno */
	};
};

static int question_send(int fd, const char *ifname)
{
	struct question question = {
		.header = {.nlmsg_len = sizeof(question),
			   .nlmsg_type = RTM_GETLINK,
			   .nlmsg_flags = NLM_F_REQUEST,
			   .nlmsg_seq = NUMBER},
		.mask_header = {.nla_len = NLA_HDRLEN + sizeof(question.mask),
				.nla_type = IFLA_EXT_MASK},
		.mask = RTEXT_FILTER_SKIP_STATS,
		.name_header = {.nla_len = NLA_HDRLEN + sizeof(question.name),
				.nla_type = IFLA_IFNAME},
	};

	strncpy(question.name, ifname, sizeof(question.name) - 1);
	return send(fd, &question, sizeof(question), 0) < 0 ? -errno : 0;
}

/* Others than the kernel may send to the socket, and an answer to a queue that was waited for
 * in vain may still be there. Returns -errno. */
static int answer_receive(int fd, struct answer *ret_answer)
{
	struct sockaddr_nl sender = {};
	ssize_t len;

	do {
		*ret_answer = (struct answer){};
		len = recvfrom(fd, ret_answer, sizeof(*ret_answer), 0,
			       (struct sockaddr *)&sender, &(socklen_t){sizeof(sender)});
	} while ((len < 0 && errno == EINTR) ||
		 (len >= 0 &&
		  (sender.nl_pid != 0 || ret_answer->header.nlmsg_seq != NUMBER)));
	return len < 0 ? -errno : 0;
}

unsigned int netlink_ifindex_quick(const struct netlink *nl, const char *ifname)
{
	struct ifreq request = {};

	strncpy(request.ifr_name, ifname, sizeof(request.ifr_name) - 1);
	if (ioctl(netlink_fd(nl), SIOCGIFINDEX, &request) < 0)
		return 0;
	return request.ifr_ifindex;
}

/* Where the message fails, the ioctl is asked, which has no other error than that nobody has
 * the name. */
unsigned int netlink_ifindex(const struct netlink *nl, const char *ifname)
{
	int fd = netlink_fd(nl), ret = question_send(fd, ifname);
	struct answer answer = {};

	if (ret == 0)
		ret = answer_receive(fd, &answer);
	if (ret == 0 && answer.header.nlmsg_type == RTM_NEWLINK)
		return answer.link.ifi_index;
	if (ret == 0 && answer.header.nlmsg_type == NLMSG_ERROR &&
	    answer.error == -ENODEV)
		return 0;
	answers_drop(nl); /* it would be taken for that to the next question */
	return netlink_ifindex_quick(nl, ifname);
}
