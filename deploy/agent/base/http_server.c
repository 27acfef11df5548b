/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libmicrohttpd runs without threads: the agent's own loop drives it. */
#include "http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <string.h>

#define CONNECTIONS_MAX 16
#define IDLE_SECONDS	10
#define MEMORY_MAX	(8 * 1024) /* bytes for a connection: for the head of a request */

struct http_server {
	struct MHD_Daemon *daemon;
	http_page_fn page;
	void *data;
	int fd;
};

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned int status,
			       char *text)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(text), text,
						   MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				"text/plain; version=0.0.4; charset=utf-8");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result handle(void *data, struct MHD_Connection *connection,
			      const char *path, const char *method, const char *version,
			      const char *body, size_t *body_len, void **state)
{
	struct http_server *server = data;
	unsigned int status = MHD_HTTP_OK;
	char *text;

	(void)version;
	(void)body;
	(void)state;
	if (*body_len || (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
			  strcmp(method, MHD_HTTP_METHOD_HEAD) != 0))
		return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			       strdup("GET only\n"));
	text = server->page(path, &status, server->data);
	if (text)
		return respond(connection, status, text);
	return respond(connection, MHD_HTTP_NOT_FOUND,
		       strdup("/healthz, /readyz or /metrics\n"));
}

int http_server_open(uint32_t port, http_page_fn page, void *data,
		     struct http_server **ret_server, struct cni_error *err)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct http_server *server = calloc(1, sizeof(*server));
	const union MHD_DaemonInfo *info;

	if (!server)
		return error_oom(err);
	server->page = page;
	server->data = data;
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, port, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)MEMORY_MAX, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
		MHD_OPTION_END);
	info = server->daemon
		       ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
		       : NULL;
	if (!info) {
		int errnum = errno ? errno : EADDRINUSE;

		http_server_close(server);
		return error_errno(err, CNI_ERR_IO, errnum,
				   "listening on 127.0.0.1:%u; --port takes another",
				   port);
	}
	server->fd = info->epoll_fd;
	*ret_server = server;
	return 0;
}

void http_server_close(struct http_server *server)
{
	if (!server)
		return;
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	free(server);
}

int http_server_fd(const struct http_server *server)
{
	return server->fd;
}

int http_server_timeout_ms(const struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(server->daemon, &ms) != MHD_YES)
		return -1;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

void http_server_run(struct http_server *server)
{
	MHD_run(server->daemon);
}
