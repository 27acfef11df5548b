/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One easy handle of libcurl in a multi handle, which the agent's own loop drives. */
#include "transport.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "credentials.h"
#include "deploy/agent/base/connection.h"
#include "deploy/agent/base/file_state.h"
#include "tls_peer.h"

#define REFUSAL_MAX	256
#define HEAD_MAX	65536 /* bytes of a response's head */
#define CONNECT_SECONDS 10

struct transport {
	const struct transport_spec *spec;
	struct transport_receiver receiver;
	CURLM *multi;
	CURL *easy;
	bool renew; /* what the handles remember is not to be relied on */
	bool active; /* a request is under way */
	/* The address that the request's connection is from; none before it is made. */
	struct ip_addr source;
	struct curl_slist *headers;
	struct file_state ca;
	char refusal[REFUSAL_MAX];
	size_t refusal_len, head_len;
	const char *distrust; /* why this request was not sent; NULL: nothing was wrong */
	char failure[CURL_ERROR_SIZE]; /* libcurl's words on this request; "": none */
};

/*
 * libcurl keeps connections, TLS sessions, the server's address and, in newer versions,
 * the CAs from one request to the next, a day long. All of it goes with the handles.
 */
static int handles_renew(struct transport *transport, struct cni_error *err)
{
	CURLM *multi = curl_multi_init();
	CURL *easy = curl_easy_init();

	if (!multi || !easy) {
		curl_easy_cleanup(easy);
		curl_multi_cleanup(multi);
		return error_oom(err);
	}
	curl_easy_cleanup(transport->easy);
	curl_multi_cleanup(transport->multi);
	transport->easy = easy;
	transport->multi = multi;
	transport->renew = false;
	return 0;
}

/* -- what libcurl calls */

static long status_of(const struct transport *transport)
{
	long status = 0;

	curl_easy_getinfo(transport->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t body_take(char *bytes, size_t size, size_t n, void *data)
{
	struct transport *transport = data;
	const struct transport_receiver *receiver = &transport->receiver;
	size_t len = size * n;

	if (status_of(transport) != 200) {
		size_t room = sizeof(transport->refusal) - 1 - transport->refusal_len;
		size_t part = len < room ? len : room;

		memcpy(transport->refusal + transport->refusal_len, bytes, part);
		transport->refusal_len += part;
		return len;
	}
	return receiver->body(bytes, len, receiver->data) < 0 ? 0 : len;
}

static size_t head_take(char *bytes, size_t size, size_t n, void *data)
{
	struct transport *transport = data;

	(void)bytes;
	transport->head_len += size * n;
	if (transport->head_len > HEAD_MAX)
		return 0;
	transport->receiver.head(status_of(transport), transport->receiver.data);
	return size * n;
}

static curl_socket_t socket_open(void *data, curlsocktype purpose,
				 struct curl_sockaddr *address)
{
	const struct transport *transport = data;
	const void *at = &address->addr;
	const struct sockaddr_in *v4 = at;
	const struct sockaddr_in6 *v6 = at;
	struct ip_addr addr = {.family = address->family};

	(void)purpose;
	if (addr.family == AF_INET)
		memcpy(addr.bytes, &v4->sin_addr, sizeof(v4->sin_addr));
	else
		memcpy(addr.bytes, &v6->sin6_addr, sizeof(v6->sin6_addr));
	addr = ip_unmap(&addr);
	if (transport->spec->connecting)
		transport->spec->connecting(&addr, transport->spec->data);
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
		      address->protocol);
}

/* Is called when the connection is there, and before the token is sent. OpenSSL, where
 * libcurl is built with that, checks the purpose by itself. @own: the address of this
 * node's end. */
static int peer_check(void *data, char *peer, char *own, int peer_port, int own_port)
{
	struct transport *transport = data;
	struct curl_tlssessioninfo *tls = NULL;

	(void)peer;
	(void)peer_port;
	(void)own_port;
	if (ip_parse(own, &transport->source) < 0)
		transport->source.family = 0;
	if (curl_easy_getinfo(transport->easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK ||
	    !tls || !tls->internals)
		transport->distrust = "the connection has no TLS";
	else if (tls->backend == CURLSSLBACKEND_GNUTLS &&
		 !tls_peer_is_server(tls->internals))
		transport->distrust = "the server's certificate is not for servers "
				      "(extended key usage serverAuth)";
	return transport->distrust ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static int socket_opened(void *data, curl_socket_t fd, curlsocktype purpose)
{
	(void)data;
	(void)purpose;
	connection_probe(fd);
	return CURL_SOCKOPT_OK;
}

/* -- a request */

/* Adds a copy of the line. */
static int header_add(struct curl_slist **headers, const char *line,
		      struct cni_error *err)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (!longer)
		return error_oom(err);
	*headers = longer;
	return 0;
}

static int headers_make(struct transport *transport, bool patch, struct cni_error *err)
{
	_cleanup_(free_p) char *bearer = NULL;
	struct curl_slist *headers = NULL;
	const char *token_file = transport->spec->token_file;
	int ret = token_file ? credentials_bearer(token_file, &bearer, err) : 0;

	if (ret < 0)
		return ret;
	if (bearer) {
		ret = header_add(&headers, bearer, err);
		explicit_bzero(bearer, strlen(bearer));
	}
	if (ret == 0 && patch)
		ret = header_add(&headers, "Content-Type: application/merge-patch+json",
				 err);
	if (ret < 0) {
		curl_slist_free_all(headers);
		return ret;
	}
	curl_slist_free_all(transport->headers);
	transport->headers = headers;
	return 0;
}

static void options_set(struct transport *transport, const char *url,
			const struct transport_limits *limits)
{
	CURL *easy = transport->easy;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transport->failure);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, transport->spec->ca_file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSLCERT, transport->spec->cert_file);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, transport->spec->key_file);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transport->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "bridge-cni-agent/" BRIDGE_CNI_VERSION);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transport);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, socket_opened);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	/* A thread that still asks a name server is left alone: the loop doesn't wait. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)limits->max_seconds);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)limits->stall_seconds);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, peer_check);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transport);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, head_take);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transport);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transport);
}

/* libcurl copies the body. */
static void body_set(CURL *easy, const char *patch)
{
	curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, patch);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PATCH");
}

int transport_start(struct transport *transport, const char *path, const char *patch,
		    const struct transport_limits *limits, struct cni_error *err)
{
	_cleanup_(free_p) char *url = NULL;
	CURLMcode code;
	int ret = 0;

	transport->refusal_len = transport->head_len = 0;
	transport->distrust = NULL;
	transport->failure[0] = '\0';
	if (transport->renew)
		ret = handles_renew(transport, err);
	if (ret == 0)
		ret = headers_make(transport, patch != NULL, err);
	if (ret == 0)
		ret = credentials_file_check(transport->spec->ca_file, err);
	if (ret == 0)
		ret = credentials_file_check(transport->spec->cert_file, err);
	if (ret == 0)
		ret = credentials_file_check(transport->spec->key_file, err);
	if (ret < 0)
		return ret;
	if (asprintf(&url, "%s%s", transport->spec->server, path) < 0) {
		url = NULL;
		return error_oom(err);
	}
	options_set(transport, url, limits);
	if (patch)
		body_set(transport->easy, patch);
	code = curl_multi_add_handle(transport->multi, transport->easy);
	if (code != CURLM_OK)
		return error_set(err, CNI_ERR_INTERNAL, EIO, "libcurl: %s",
				 curl_multi_strerror(code));
	transport->active = true;
	return 0;
}

static void request_end(struct transport *transport)
{
	curl_multi_remove_handle(transport->multi, transport->easy);
	transport->active = false;
	transport->source.family = 0;
}

char *transport_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0);
	char *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}

/* Whether connecting, TLS or the answer took too long is in libcurl's own words alone,
 * not in the name of its code. */
static const char *failure_of(const struct transport *transport, CURLcode code)
{
	if (transport->distrust)
		return transport->distrust;
	if (code == CURLE_OK)
		return NULL;
	return transport->failure[0] ? transport->failure : curl_easy_strerror(code);
}

bool transport_wait(struct transport *transport, struct pollfd *fds, size_t n,
		    int timeout_ms, struct transport_end *ret_end)
{
	struct curl_waitfd waits[TRANSPORT_FDS_MAX] = {};
	int running, queued;
	CURLMsg *msg;

	assert(n <= TRANSPORT_FDS_MAX);
	for (size_t i = 0; i < n; i++)
		waits[i] = (struct curl_waitfd){.fd = fds[i].fd,
						.events = CURL_WAIT_POLLIN};
	curl_multi_poll(transport->multi, waits, n, timeout_ms, NULL);
	for (size_t i = 0; i < n; i++)
		fds[i].revents = waits[i].revents & CURL_WAIT_POLLIN ? POLLIN : 0;

	curl_multi_perform(transport->multi, &running);
	while ((msg = curl_multi_info_read(transport->multi, &queued))) {
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		request_end(transport);
		/* The server may have moved, and its name have another address. */
		transport->renew |= code != CURLE_OK;
		transport->refusal[transport->refusal_len] = '\0';
		*ret_end = (struct transport_end){
			.status = status_of(transport),
			.error = failure_of(transport, code),
			.refusal = transport->refusal,
		};
		return true;
	}
	return false;
}

void transport_abandon(struct transport *transport)
{
	transport->renew = true;
	if (transport->active)
		request_end(transport);
}

int64_t transport_retry_after(const struct transport *transport)
{
	curl_off_t seconds = 0;

	curl_easy_getinfo(transport->easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds;
}

const char *transport_outdated(struct transport *transport)
{
	const char *why = NULL;

	if (file_state_changed(&transport->ca, transport->spec->ca_file))
		why = "the cluster's CA has changed";
	else if (transport->source.family && connection_lost_address(&transport->source))
		why = "the address that the API server was asked from has gone";
	if (why)
		transport_abandon(transport);
	return why;
}

int transport_open(const struct transport_spec *spec,
		   const struct transport_receiver *receiver,
		   struct transport **ret_transport, struct cni_error *err)
{
	_cleanup_(transport_closep) struct transport *transport =
		calloc(1, sizeof(*transport));
	int ret;

	if (!transport)
		return error_oom(err);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, CNI_ERR_INTERNAL, EIO, "libcurl can't start");
	transport->spec = spec;
	transport->receiver = *receiver;
	(void)file_state_changed(&transport->ca, spec->ca_file);
	ret = handles_renew(transport, err);
	if (ret < 0)
		return ret;
	*ret_transport = TAKE_PTR(transport);
	return 0;
}

void transport_close(struct transport *transport)
{
	if (!transport)
		return;
	if (transport->multi && transport->easy)
		curl_multi_remove_handle(transport->multi, transport->easy);
	curl_easy_cleanup(transport->easy);
	curl_multi_cleanup(transport->multi);
	curl_slist_free_all(transport->headers);
	free(transport);
}
