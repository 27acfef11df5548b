/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child sends the queue, while we listen for the announcement that the links are gone.
 * The child shares nothing with the runtime or with other operations: no descriptor but
 * its own, so no pipe whose end somebody waits for and no lock. It is init's child as
 * soon as we have ended.
 */
#include "wait_deleted.h"

#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The result that the child reports when the kernel is through. It is written by one
 * write(), so all of it or nothing. */
struct verdict {
	int ret;
	struct cni_error err;
};

/* The child. It ends without a verdict where it can't begin. */
static _Noreturn void child(int verdict_fd, struct netlink *rtnl,
			    const struct netlink *nftables)
{
	struct verdict verdict = {};

	if (dup2(verdict_fd, 0) < 0 || (nftables && dup2(netlink_fd(nftables), 1) < 0) ||
	    syscall(SYS_close_range, nftables ? 2 : 1, ~0U, 0) < 0 ||
	    netlink_reopen(rtnl, &verdict.err) < 0)
		_exit(1);
	verdict.ret = netlink_commit(rtnl, &verdict.err);
	/* Mostly the parent has ended already. */
	(void)!write(0, &verdict, sizeof(verdict));
	_exit(0);
}

struct notice {
	struct nlmsghdr header;
	struct ifinfomsg link;
};

#define LOAD(size, field) \
	BPF_STMT(BPF_LD | (size) | BPF_ABS, offsetof(struct notice, field))
/* @yes and @no: how many of the next instructions are skipped where the value is equal,
 * and where it is not. */
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))

/*
 * Listens to nothing but the end of these links. Otherwise each change of a link on the
 * node would wake all listeners: in a storm of DELs, each of them would wake all others.
 */
static int listen_to_ends(const unsigned int links[NETLINK_LINKS_MAX])
{
	struct sock_filter ends[] = {
		LOAD(BPF_H, header.nlmsg_type), /* as in a packet: big-endian */
		IS(htons(RTM_DELLINK), 0, 8),
		LOAD(BPF_B, link.ifi_family),
		/* AF_BRIDGE only says that the link is no port any more */
		IS(AF_UNSPEC, 0, 6),
		LOAD(BPF_W, link.ifi_index),
		IS(htonl(links[0]), 3, 0),
		IS(htonl(links[1]), 2, 0),
		IS(htonl(links[2]), 1, 0),
		IS(htonl(links[3]), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(ends), .filter = ends};
	struct sockaddr_nl group = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_ROUTE);

	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
				   sizeof(program)) < 0 ||
			bind(fd, (struct sockaddr *)&group, sizeof(group)) < 0))
		close_p(&fd);
	return fd;
}

/* Reads announcements, which the filter lets by only for the end of a link, and takes
 * these links out of @links. 0, or -errno: some announcements were lost. */
static int notices_take(int fd, unsigned int links[], size_t *n)
{
	for (;;) {
		struct sockaddr_nl sender = {};
		struct notice notice;
		ssize_t len = recvfrom(fd, &notice, sizeof(notice), 0,
				       (struct sockaddr *)&sender,
				       &(socklen_t){sizeof(sender)});

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (sender.nl_pid != 0 || len < (ssize_t)sizeof(notice))
			continue;
		for (size_t i = 0; i < *n; i++)
			if (links[i] == (unsigned int)notice.link.ifi_index)
				links[i] = links[--*n];
	}
}

/* Waits until the links are gone or the child has put its result into @ret_verdict: 0.
 * -errno: the child has ended without a result. */
static int await(int verdict_fd, int notices_fd, unsigned int links[], size_t n,
		 struct verdict *ret_verdict)
{
	struct pollfd fds[] = {
		{.fd = verdict_fd, .events = POLLIN},
		{.fd = notices_fd, .events = POLLIN},
	};

	while (n > 0) {
		int ret = poll(fds, ARRAY_SIZE(fds), -1);

		if (ret < 0 && errno != EINTR)
			return -errno;
		if (ret <= 0)
			continue;
		if (fds[1].revents && notices_take(notices_fd, links, &n) < 0)
			fds[1].fd = -1; /* the child will know */
		if (fds[0].revents) {
			ssize_t len = read(verdict_fd, ret_verdict, sizeof(*ret_verdict));

			return len == sizeof(*ret_verdict) ? 0 : -ECHILD;
		}
	}
	return 0;
}

int netlink_commit_announced(struct netlink *rtnl, const struct netlink *nftables,
			     const unsigned int links[], size_t n,
			     netlink_meanwhile_fn meanwhile, void *data,
			     struct cni_error *err)
{
	_cleanup_(close_p) int notices = -1, verdict_fd = -1;
	struct verdict verdict = {};
	unsigned int left[NETLINK_LINKS_MAX] = {};
	size_t left_n = 0;
	int pipe_fds[2];
	pid_t pid;

	assert(n <= NETLINK_LINKS_MAX);
	for (size_t i = 0; i < n; i++)
		if (links[i])
			left[left_n++] = links[i];
	notices = left_n ? listen_to_ends(left) : -1;
	if (notices < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0) {
		if (meanwhile)
			meanwhile(data);
		return netlink_commit(rtnl, err);
	}
	verdict_fd = pipe_fds[0];
	pid = fork();
	if (pid == 0)
		child(pipe_fds[1], rtnl, nftables);
	close(pipe_fds[1]);
	if (meanwhile)
		meanwhile(data);
	if (pid < 0)
		return netlink_commit(rtnl, err);
	if (await(verdict_fd, notices, left, left_n, &verdict) < 0) {
		verdict.ret = netlink_commit(rtnl, &verdict.err);
		/* The child was killed, but the kernel had begun before. */
		if (verdict.ret == -ENODEV)
			verdict.ret = 0;
	}
	netlink_discard(rtnl);
	if (verdict.ret < 0)
		error_copy(err, &verdict.err);
	return verdict.ret;
}
