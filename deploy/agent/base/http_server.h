/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages on a local port, 127.0.0.1, that can be read and nothing else; one that is asked
 * for at once is given at once, however many others connect and are slow. The only user of
 * libmicrohttpd. */
#ifndef BRIDGE_CNI_AGENT_BASE_HTTP_SERVER_H
#define BRIDGE_CNI_AGENT_BASE_HTTP_SERVER_H

#include <stdint.h>

#include "conf/base/error.h"

struct http_server;

/*
 * Makes the page at @path: its text is malloc'ed, *@ret_status is 200 unless the function
 * changes it, and @data is that of http_server_open(). NULL: there is no such page.
 */
typedef char *(*http_page_fn)(const char *path, unsigned int *ret_status, void *data);

/* Codes 5: the port is taken; 100. */
int http_server_open(uint32_t port, http_page_fn page, void *data,
		     struct http_server **ret_server, struct cni_error *err);
void http_server_close(struct http_server *server);

/* Answers what has come in, without waiting. It is to be called when the descriptor
 * http_server_fd() is readable, and after http_server_timeout_ms(). */
void http_server_run(struct http_server *server);

/* The descriptor stays the server's. */
int http_server_fd(const struct http_server *server);

/* Milliseconds; -1: as long as nothing comes in, there is nothing to do. */
int http_server_timeout_ms(const struct http_server *server);

#endif
