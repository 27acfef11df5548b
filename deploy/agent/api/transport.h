/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTPS to the API server: one connection, one request at a time. The server must prove
 * who it is by the cluster's own CA, the agent by a token, a certificate or both. This is
 * the only user of libcurl. reflector.h knows what is asked for and what the answers
 * mean.
 */
#ifndef BRIDGE_CNI_AGENT_API_TRANSPORT_H
#define BRIDGE_CNI_AGENT_API_TRANSPORT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"

#define TRANSPORT_FDS_MAX 16

struct transport_spec {
	const char *server; /* "https://10.96.0.1:443" */
	const char *token_file; /* read anew for each request; NULL: no token is sent */
	const char *ca_file; /* see transport_outdated() */
	/* Of the client, read anew for each connection; NULL: there are none. */
	const char *cert_file, *key_file;
	/* Is told the server's address, before a connection to it is made; NULL: nobody
	 * is. */
	void (*connecting)(const struct ip_addr *addr, void *data);
	void *data; /* of connecting() */
};

/* Functions that get a response while it comes in; @data goes to both. */
struct transport_receiver {
	/* A line of the head has come. @status: HTTP's. */
	void (*head)(long status, void *data);
	/* The next bytes of the body have come; only where the status is 200. Returns < 0
	 * to end the request. */
	int (*body)(const char *bytes, size_t len, void *data);
	void *data;
};

/* How a request has ended. */
struct transport_end {
	long status; /* HTTP's; 0: there was no response */
	/* NULL: the response is whole; else what went wrong, most times in libcurl's
	 * words. */
	const char *error;
	/* The first bytes of the body where the status isn't 200. Both texts are valid
	 * until the next request. */
	const char *refusal;
};

struct transport;

/* Nothing is sent yet. What @spec points to must outlive it. Code 100. */
int transport_open(const struct transport_spec *spec,
		   const struct transport_receiver *receiver,
		   struct transport **ret_transport, struct cni_error *err);
void transport_close(struct transport *transport);
static inline void transport_closep(struct transport **transport)
{
	transport_close(*transport);
}

/* How long a request may take. */
struct transport_limits {
	unsigned int max_seconds; /* from its start to its end */
	unsigned int stall_seconds; /* without a byte coming in; 0: as long as it likes */
};

/*
 * Starts a GET of @path, which begins with "/", or, where @patch isn't NULL, a PATCH with
 * this merge patch (RFC 7386), of which a copy is made; no other request may be under
 * way. The token is sent only to a server whose certificate is of the CA, for this name,
 * valid today and for servers, by TLS 1.2 or later. Codes 5: one of the spec's files
 * is no regular file, or is missing, empty or too long; 100.
 */
int transport_start(struct transport *transport, const char *path, const char *patch,
		    const struct transport_limits *limits, struct cni_error *err);

/* @text as it may stand in a path's query; the caller frees it. NULL: out of memory. */
char *transport_escape(const char *text);

/*
 * Waits until the server says something, one of the @n descriptors in @fds (at most
 * TRANSPORT_FDS_MAX) is readable (POLLIN in revents) or @timeout_ms is over; then hands
 * to the receiver what has come in. True: the request has ended, and @ret_end tells how.
 */
bool transport_wait(struct transport *transport, struct pollfd *fds, size_t n,
		    int timeout_ms, struct transport_end *ret_end);

/* Ends the request that is under way. Its connection isn't used again. */
void transport_abandon(struct transport *transport);

/* Seconds that the last response asked to wait before the next request; 0: it didn't. */
int64_t transport_retry_after(const struct transport *transport);

/*
 * Why nothing is to be heard by what is connected, or was: the CA's file has another
 * content than at the last call, and a server that only the former CA vouched for is not
 * listened to any longer; or this host has lost the address of the connection that a
 * request is under way by. Then the request is ended, and no connection is used again.
 * NULL: all is well.
 */
const char *transport_outdated(struct transport *transport);

#endif
