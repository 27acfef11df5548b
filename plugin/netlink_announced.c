/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child sends the queue, while we listen for the announcement that the links are gone. The
 * child shares nothing with the runtime or with other operations: no descriptor but its own,
 * so no pipe whose end somebody waits for and no lock. It is init's child as soon as we have
 * ended.
 */
#include "netlink_announced.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOTICE_SIZE 16384
#define LINKS_MAX   2

/* What the child says when the kernel is through: in one write, so all or nothing. */
struct verdict {
	int ret;
	struct cni_error err;
};

/* Ends without a verdict where it can't begin. */
static _Noreturn void child(int verdict_fd, struct netlink *rtnl,
			    const struct netlink *nftables)
{
	struct verdict verdict = {};

	if (dup2(verdict_fd, 0) < 0 || (nftables && dup2(netlink_fd(nftables), 1) < 0) ||
	    syscall(SYS_close_range, nftables ? 2 : 1, ~0U, 0) < 0 ||
	    netlink_reopen(rtnl, &verdict.err) < 0)
		_exit(1);
	verdict.ret = netlink_commit(rtnl, &verdict.err);
	/* Mostly nobody listens any more. */
	(void)!write(0, &verdict, sizeof(verdict));
	_exit(0);
}

static int listen_to_links(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_ROUTE);
	struct sockaddr_nl links = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK,
	};

	if (fd >= 0 && bind(fd, (struct sockaddr *)&links, sizeof(links)) < 0)
		close_p(&fd);
	return fd;
}

/* Forgets those of the @n links whose end is told; how many are left. */
static size_t ends_take(struct nlmsghdr *header, int len, unsigned int links[], size_t n)
{
	for (; nlmsg_ok(header, len); header = nlmsg_next(header, &len)) {
		const struct ifinfomsg *link = nlmsg_data(header);

		/* AF_BRIDGE: it is a port no longer. */
		if (header->nlmsg_type != RTM_DELLINK ||
		    !nlmsg_valid_hdr(header, sizeof(*link)) ||
		    link->ifi_family != AF_UNSPEC)
			continue;
		for (size_t i = 0; i < n; i++)
			if (links[i] == (unsigned int)link->ifi_index)
				links[i] = links[--n];
	}
	return n;
}

/* Takes all notices that are there. 0, or -errno: some were lost. */
static int notices_take(int fd, unsigned int links[], size_t *n)
{
	char notice[NOTICE_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		struct sockaddr_nl sender = {};
		ssize_t len = recvfrom(fd, notice, sizeof(notice), 0,
				       (struct sockaddr *)&sender,
				       &(socklen_t){sizeof(sender)});

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (sender.nl_pid == 0)
			*n = ends_take((struct nlmsghdr *)notice, len, links, *n);
	}
}

/* 0: gone, or judged in @ret_verdict; -errno: the child has ended without a word. */
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
			     const unsigned int links[], size_t n, struct cni_error *err)
{
	_cleanup_(close_p) int notices = -1, verdict_fd = -1;
	struct verdict verdict = {};
	unsigned int left[LINKS_MAX];
	size_t left_n = 0;
	int pipe_fds[2];
	pid_t pid;

	assert(n <= LINKS_MAX);
	for (size_t i = 0; i < n; i++)
		if (links[i])
			left[left_n++] = links[i];
	notices = left_n ? listen_to_links() : -1;
	if (notices < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return netlink_commit(rtnl, err);
	verdict_fd = pipe_fds[0];
	pid = fork();
	if (pid == 0)
		child(pipe_fds[1], rtnl, nftables);
	close(pipe_fds[1]);
	if (pid < 0)
		return netlink_commit(rtnl, err);
	if (await(verdict_fd, notices, left, left_n, &verdict) < 0) {
		verdict.ret = netlink_commit(rtnl, &verdict.err);
		/* Killed, but not before the kernel had begun. */
		if (verdict.ret == -ENODEV)
			verdict.ret = 0;
	}
	netlink_discard(rtnl);
	if (verdict.ret < 0)
		*err = verdict.err;
	return verdict.ret;
}
