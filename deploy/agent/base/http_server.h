/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages at one address and port that can be read and nothing else; one that is asked for
 * at once is given at once, however many others connect and are slow. The only user of
 * libmicrohttpd. */
#ifndef BRIDGE_CNI_AGENT_BASE_HTTP_SERVER_H
#define BRIDGE_CNI_AGENT_BASE_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/base/error.h"
#include "listen_address.h"

struct http_server;

/*
 * Makes the page at @path: its text is malloc'ed, *@ret_status is 200 unless the function
 * changes it, and @data is that of http_server_open(). NULL: there is no such page.
 */
typedef char *(*http_page_fn)(const char *path, unsigned int *ret_status, void *data);

struct http_spec {
	struct listen_address at; /* by [::] IPv4 is served as well */
	http_page_fn page;
	void *data;
	const char *pages; /* told to those who ask for another one */
	const char *option; /* takes another address, as the error says */
	/* Another process may listen there as well, as the former agent does until it has
	 * ended. Who connects comes to either of them. */
	bool shared;
};

/* Copies @spec; its strings are borrowed. Codes 5: nothing can listen there; 100. In the
 * functions below NULL is a server that nobody has, which has nothing to do. */
int http_server_open(const struct http_spec *spec, struct http_server **ret_server,
		     struct cni_error *err);
void http_server_close(struct http_server *server);

/* Answers what has come in, without waiting. It is to be called when the descriptor
 * http_server_fd() is readable, and after http_server_timeout_ms(). */
void http_server_run(struct http_server *server);

/* The descriptor stays the server's; NULL has -1. */
int http_server_fd(const struct http_server *server);

/* Milliseconds; -1: as long as nothing comes in, there is nothing to do. */
int http_server_timeout_ms(const struct http_server *server);

#endif
