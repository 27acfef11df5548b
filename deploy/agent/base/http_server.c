/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmicrohttpd runs without threads: the agent's own loop drives it.
 *
 * Every process on the node may connect, at an address of the network others as well, and
 * may be slow on purpose. So that the kubelet's probes are answered all the same, a
 * connection serves one request, which has to be answered within ANSWER_MS; and where all
 * slots are taken, a new connection ends the oldest one. libmicrohttpd itself only knows
 * how long a connection has been idle.
 */
#include "http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/clock.h"

#define SLOTS	   256
#define SLOTS_MORE 32 /* for connections that end, until libmicrohttpd has closed them */
#define ANSWER_MS  5000 /* from connecting to the last byte of the answer */
#define MEMORY_MAX (4 * 1024) /* bytes for a connection: for the head of a request */

struct client {
	int fd; /* libmicrohttpd's */
	int64_t due_at; /* when it is ended, by now_ms() */
	bool ended;
};

struct http_server {
	struct MHD_Daemon *daemon;
	struct http_spec spec;
	int fd;
	struct client clients[SLOTS + SLOTS_MORE]; /* the oldest one first */
	size_t n;
};

/* -- connections */

/* The oldest connection that was not ended; NULL: there is none. */
static struct client *oldest(const struct http_server *server)
{
	for (size_t i = 0; i < server->n; i++)
		if (!server->clients[i].ended)
			return (struct client *)&server->clients[i];
	return NULL;
}

/* libmicrohttpd finds the connection at its end, and closes it. */
static void client_end(struct client *client)
{
	client->ended = true;
	shutdown(client->fd, SHUT_RDWR);
}

static void end_overdue(struct http_server *server)
{
	struct client *client;

	while ((client = oldest(server)) && client->due_at <= now_ms())
		client_end(client);
}

static void client_add(struct http_server *server, int fd)
{
	struct client *first = oldest(server);
	size_t busy = 0;

	for (size_t i = 0; i < server->n; i++)
		busy += !server->clients[i].ended;
	if (first && busy == SLOTS)
		client_end(first);
	server->clients[server->n++] = (struct client){
		.fd = fd,
		.due_at = now_ms() + ANSWER_MS,
	};
}

static void client_remove(struct http_server *server, int fd)
{
	size_t i = 0;

	while (i < server->n && server->clients[i].fd != fd)
		i++;
	if (i == server->n)
		return;
	server->n--;
	memmove(&server->clients[i], &server->clients[i + 1],
		(server->n - i) * sizeof(server->clients[0]));
}

static void notice(void *data, struct MHD_Connection *connection, void **state,
		   enum MHD_ConnectionNotificationCode what)
{
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			 ->connect_fd;

	(void)state;
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		client_add(data, fd);
	else
		client_remove(data, fd);
}

/* -- answers */

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
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
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
	text = server->spec.page(path, &status, server->spec.data);
	if (text)
		return respond(connection, status, text);
	if (asprintf(&text, "%s\n", server->spec.pages) < 0)
		return MHD_NO;
	return respond(connection, MHD_HTTP_NOT_FOUND, text);
}

/* Gives the address to listen at. */
static void address_of(const struct listen_address *at, struct sockaddr_storage *ret)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){.ss_family = (sa_family_t)at->addr.family};
	if (at->addr.family == AF_INET) {
		four->sin_port = htons(at->port);
		memcpy(&four->sin_addr, at->addr.bytes, sizeof(four->sin_addr));
	} else {
		six->sin6_port = htons(at->port);
		memcpy(&six->sin6_addr, at->addr.bytes, sizeof(six->sin6_addr));
	}
}

int http_server_open(const struct http_spec *spec, struct http_server **ret_server,
		     struct cni_error *err)
{
	struct http_server *server = calloc(1, sizeof(*server));
	const union MHD_DaemonInfo *info;
	struct sockaddr_storage address;
	unsigned int flags = MHD_USE_EPOLL;
	char text[LISTEN_TEXT_MAX];

	if (!server)
		return error_oom(err);
	server->spec = *spec;
	address_of(&spec->at, &address);
	if (spec->at.addr.family == AF_INET6)
		flags |= MHD_USE_DUAL_STACK;
	errno = 0;
	server->daemon = MHD_start_daemon(
		flags, spec->at.port, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)(SLOTS + SLOTS_MORE), MHD_OPTION_NOTIFY_CONNECTION, notice,
		server, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
		spec->shared ? MHD_OPTION_LISTENING_ADDRESS_REUSE : MHD_OPTION_END, 1u,
		MHD_OPTION_END);
	info = server->daemon
		       ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
		       : NULL;
	if (!info) {
		int errnum = errno ? errno : EADDRINUSE;

		http_server_close(server);
		return error_errno(err, CNI_ERR_IO, errnum,
				   "listening on %s; %s takes another",
				   listen_address_format(&spec->at, text), spec->option);
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
	return server ? server->fd : -1;
}

int http_server_timeout_ms(const struct http_server *server)
{
	const struct client *client = server ? oldest(server) : NULL;
	int64_t left = client ? client->due_at - now_ms() : INT_MAX;
	MHD_UNSIGNED_LONG_LONG ms;

	if (!server)
		return -1;
	if (MHD_get_timeout(server->daemon, &ms) == MHD_YES && ms < INT_MAX &&
	    (int64_t)ms < left)
		left = (int64_t)ms;
	if (left == INT_MAX)
		return -1;
	return left < 0 ? 0 : (int)left;
}

void http_server_run(struct http_server *server)
{
	if (!server)
		return;
	end_overdue(server);
	MHD_run(server->daemon);
}
