/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local port: three pages, read only, on 127.0.0.1. The only user of libmicrohttpd. */
#ifndef BRIDGE_CNI_AGENT_HTTP_SERVER_H
#define BRIDGE_CNI_AGENT_HTTP_SERVER_H

#include <stdint.h>

#include "conf/base/error.h"

struct http;

/* The page at @path, malloc'ed, and its HTTP status; NULL: there is none. */
typedef char *(*http_page_fn)(const char *path, unsigned int *ret_status, void *data);

/* Code 5: the port is taken. */
int http_open(uint32_t port, http_page_fn page, void *data, struct http **ret_http,
	      struct cni_error *err);
void http_close(struct http *http);

/* Readable when http_serve() has something to do; it has at http_timeout_ms() as well. */
int http_fd(const struct http *http);
int http_timeout_ms(const struct http *http); /* -1: no */
void http_serve(struct http *http);

#endif
