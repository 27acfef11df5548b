/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Speaks HTTP/1.0: the answer ends where the server closes the connection. Whoever
 * listens on the port may send anything, as slowly as he likes. */
#include "http_get.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/clock.h"
#include "conf/base/text.h"

static int await(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int64_t left = deadline_ms - now_ms();
	int ret;

	do {
		ret = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (ret < 0 && errno == EINTR);
	if (ret == 0)
		return -ETIMEDOUT;
	return ret < 0 ? -errno : 0;
}

static int connect_to(int fd, uint16_t port, int64_t deadline_ms)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(int);
	int error = 0, ret;

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	ret = await(fd, POLLOUT, deadline_ms);
	if (ret == -ETIMEDOUT)
		return -EHOSTUNREACH;
	if (ret == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		ret = -errno;
	return ret < 0 ? ret : -error;
}

static int read_all(int fd, int64_t deadline_ms, struct text *answer)
{
	for (;;) {
		char bytes[4096];
		int ret = await(fd, POLLIN, deadline_ms);
		ssize_t n = ret < 0 ? -1 : recv(fd, bytes, sizeof(bytes), 0);

		if (ret < 0)
			return ret;
		if (n == 0)
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		if (answer->len + n > HTTP_PAGE_MAX)
			return -EFBIG;
		text_put(answer, bytes, n);
		if (answer->failed)
			return -ENOMEM;
	}
}

/* Finds the text behind the header. A NUL ends it. */
static int answer_read(const struct text *answer, int *ret_status, char **ret_text)
{
	const char *end = answer->text ? strstr(answer->text, "\r\n\r\n") : NULL;
	int status = 0;

	/* NOLINTNEXTLINE(cert-err34-c): three digits fit */
	if (!end || sscanf(answer->text, "HTTP/1.%*1[01] %3d ", &status) != 1)
		return -EBADMSG;
	*ret_text = strdup(end + 4);
	if (!*ret_text)
		return -ENOMEM;
	*ret_status = status;
	return 0;
}

int http_get(uint16_t port, const char *path, int64_t deadline_ms, int *ret_status,
	     char **ret_text)
{
	_cleanup_(close_p) int fd = socket(AF_INET,
					   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct text answer = {};
	char request[128];
	int len, ret;

	if (fd < 0)
		return -errno;
	len = snprintf(request, sizeof(request),
		       "GET %s HTTP/1.0\r\nHost: 127.0.0.1:%u\r\n\r\n", path, port);
	ret = connect_to(fd, port, deadline_ms);
	if (ret == 0 && send(fd, request, len, MSG_NOSIGNAL) != len)
		ret = -errno;
	if (ret == 0)
		ret = read_all(fd, deadline_ms, &answer);
	if (ret == 0)
		ret = answer_read(&answer, ret_status, ret_text);
	free(answer.text);
	return ret;
}
