/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection, one request at a time: the pages of a list, then watches until the server
 * says that their resource version is gone, then a list again. TLS is always verified,
 * against the cluster's own CA.
 */
#include "api.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "deploy/agent/base/clock.h"
#include "deploy/agent/base/file_state.h"

#define URL_SIZE	8192
#define TOKEN_MAX	16384
#define BODY_MAX	256 /* of a refusal, for the log */
#define FDS_MAX		16
#define RETRY_FIRST_MS	500
#define CONNECT_SECONDS 10
#define STALL_SECONDS	30 /* a list that brings nothing for so long has failed */
#define WATCH_GRACE	30 /* seconds: a server that doesn't end a watch in time is gone */
#define WATCH_GOOD_MS	5000 /* a watch that lasted so long wasn't refused */
#define DEAD_PEER_MS	30000

enum request {
	REQUEST_NONE, /* until retry_at */
	REQUEST_LIST,
	REQUEST_WATCH,
};

struct api {
	const struct api_spec *spec;
	struct node_table *nodes;
	const struct log *log;
	CURLM *multi;
	CURL *easy;
	struct content ca;
	bool stale; /* what the handles remember isn't to be relied on */
	struct curl_slist *headers;
	enum request request; /* that is under way */
	bool needs_list, from_cache; /* what comes next */
	struct list_page page; /* as the last one said */
	char version[RESOURCE_VERSION_MAX]; /* where the next watch starts */
	char body[BODY_MAX];
	size_t body_len;
	int64_t started, retry_at;
	unsigned int failed; /* attempts in a row */
	bool heard; /* this request has brought a document that is no error */
	bool gone; /* the server can't go on from our resource version */
	bool news;
	struct cni_error err; /* of this request */
	struct api_state state;
	struct watch_parser parser;
};

/* A number below @limit, by chance: agents that lost one server don't come back at once. */
static unsigned int any_below(unsigned int limit)
{
	unsigned int value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) < 0)
		value = (unsigned int)now_ms();
	return limit ? value % limit : 0;
}

/* -- what the documents do to the table */

static void skipped(struct api *api, const char *name, struct cni_error *err)
{
	api->state.skipped++;
	if (name[0])
		node_table_keep(api->nodes, name);
	log_write(api->log, LOG_LEVEL_WARN, "a Node can't be understood", "node", name,
		  "error", err->msg, NULL);
	error_clear(err);
}

static int node_take(struct api *api, const struct node_object *node,
		     struct cni_error *err)
{
	int r = node_table_set(api->nodes, node);

	if (r < 0)
		return error_oom(err);
	api->news |= r;
	return 0;
}

static int list_take(enum watch_doc kind, const char *text, size_t len, void *data,
		     struct cni_error *err)
{
	struct api *api = data;
	struct cni_error own = {};
	struct node_object node = {};

	if (kind == WATCH_DOC && text)
		return list_page_read(text, len, &api->page, err);
	if (!text)
		error_set(&own, CNI_ERR_JSON, EFBIG, "longer than %d bytes",
			  WATCH_DOC_MAX);
	else
		node_object_read(text, len, &node, &own);
	if (own.code)
		skipped(api, node.name, &own);
	else
		return node_take(api, &node, err);
	return 0;
}

static int event_error(struct api *api, const struct watch_event *event,
		       struct cni_error *err)
{
	/* Mostly 410. After another, too, the events that follow may not be all there are;
	 * a server that has too much to do is not asked for the list besides. */
	api->gone = event->status != 429;
	return error_set(err, CNI_ERR_TRY_AGAIN, ECONNABORTED, "%s (%u)",
			 event->message[0] ? event->message : "the watch was ended",
			 event->status);
}

static int event_take(enum watch_doc kind, const char *text, size_t len, void *data,
		      struct cni_error *err)
{
	struct api *api = data;
	struct watch_event event = {};
	struct cni_error own = {};
	int r = 0;

	(void)kind;
	api->state.events++;
	if (!text)
		error_set(&own, CNI_ERR_JSON, EFBIG, "longer than %d bytes",
			  WATCH_DOC_MAX);
	else
		watch_event_read(text, len, &event, &own);
	if (event.type == WATCH_ERROR) {
		error_clear(&own);
		return event_error(api, &event, err);
	}
	api->heard = true;
	if (event.node.version[0])
		memcpy(api->version, event.node.version, sizeof(api->version));
	/* Of a Node that is gone its name is enough. */
	if (event.type == WATCH_DELETED && event.node.name[0])
		api->news |= node_table_remove(api->nodes, event.node.name);
	else if (own.code)
		skipped(api, event.node.name, &own);
	else if (event.type == WATCH_CHANGED)
		r = node_take(api, &event.node, err);
	return r;
}

/* -- requests */

/*
 * libcurl keeps connections, TLS sessions, the server's address and, in newer versions, the
 * CAs from one request to the next, a day long. All of it goes with the handles.
 */
static int handles_renew(struct api *api, struct cni_error *err)
{
	CURLM *multi = curl_multi_init();
	CURL *easy = curl_easy_init();

	if (!multi || !easy) {
		curl_easy_cleanup(easy);
		curl_multi_cleanup(multi);
		return error_oom(err);
	}
	curl_easy_cleanup(api->easy);
	curl_multi_cleanup(api->multi);
	api->easy = easy;
	api->multi = multi;
	api->stale = false;
	return 0;
}

static size_t body_take(char *bytes, size_t size, size_t n, void *data)
{
	struct api *api = data;
	long status = 0;
	size_t len = size * n;

	curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		size_t room = sizeof(api->body) - 1 - api->body_len;
		size_t part = len < room ? len : room;

		memcpy(api->body + api->body_len, bytes, part);
		api->body_len += part;
		return len;
	}
	return watch_parse(&api->parser, bytes, len, &api->err) < 0 ? 0 : len;
}

/* A watch that is quiet has sent its head all the same. */
static size_t head_take(char *bytes, size_t size, size_t n, void *data)
{
	struct api *api = data;
	long status = 0;

	(void)bytes;
	curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
	api->state.contact_ms = now_ms();
	if (api->request == REQUEST_WATCH && status == 200 && !api->state.watching) {
		api->state.watching = true;
		log_write(api->log, LOG_LEVEL_DEBUG, "watching", "resourceVersion",
			  api->version, NULL);
	}
	return size * n;
}

/* A peer that has silently gone is noticed, though a quiet watch sends nothing. */
static int socket_opened(void *data, curl_socket_t fd, curlsocktype purpose)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 15},
		{IPPROTO_TCP, TCP_KEEPINTVL, 5},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_PEER_MS},
	};

	(void)data;
	(void)purpose;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].option,
				 &options[i].value, sizeof(options[i].value));
	return CURL_SOCKOPT_OK;
}

/* "Authorization: Bearer …": the token is replaced in its file before it ends. */
static int headers_make(struct api *api, struct cni_error *err)
{
	static const char lead[] = "Authorization: Bearer ";
	const char *path = api->spec->token_file;
	_cleanup_(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char header[sizeof(lead) + TOKEN_MAX];
	struct curl_slist *headers;
	ssize_t len;

	if (fd < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s", path);
	memcpy(header, lead, sizeof(lead));
	len = read(fd, header + sizeof(lead) - 1, TOKEN_MAX);
	if (len < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s", path);
	header[sizeof(lead) - 1 + len] = '\0';
	header[strcspn(header, "\r\n")] = '\0';
	if (len == TOKEN_MAX || strlen(header) < sizeof(lead))
		return error_set(err, CNI_ERR_IO, EINVAL,
				 "%s is empty or longer than %d bytes, expected a token",
				 path, TOKEN_MAX - 1);
	headers = curl_slist_append(NULL, header);
	explicit_bzero(header, sizeof(header));
	if (!headers)
		return error_oom(err);
	curl_slist_free_all(api->headers);
	api->headers = headers;
	return 0;
}

static int url_make(struct api *api, char url[URL_SIZE], unsigned int watch_seconds,
		    struct cni_error *err)
{
	char *value;
	int len;

	if (api->request == REQUEST_WATCH) {
		value = curl_easy_escape(api->easy, api->version, 0);
		len = snprintf(url, URL_SIZE,
			       "%s/api/v1/nodes?watch=true&allowWatchBookmarks=true"
			       "&resourceVersion=%s&timeoutSeconds=%u",
			       api->spec->server, value ? value : "", watch_seconds);
	} else {
		value = curl_easy_escape(api->easy, api->page.next, 0);
		len = snprintf(url, URL_SIZE, "%s/api/v1/nodes?limit=%d%s%s",
			       api->spec->server, API_PAGE_NODES,
			       api->page.next[0] ? "&continue="
			       : api->from_cache ? "&resourceVersion=0"
						 : "",
			       value ? value : "");
	}
	curl_free(value);
	if (!value)
		return error_oom(err);
	if (len < 0 || len >= URL_SIZE)
		return error_set(err, CNI_ERR_INTERNAL, ENAMETOOLONG,
				 "the API server's continue token is too long");
	return 0;
}

static int request_prepare(struct api *api, struct cni_error *err)
{
	unsigned int seconds = api->spec->watch_seconds;
	bool watch = api->request == REQUEST_WATCH;
	CURL *easy = api->easy;
	char url[URL_SIZE];
	int r;

	seconds += any_below(seconds / 2 + 1);
	r = headers_make(api, err);
	if (r == 0)
		r = url_make(api, url, seconds, err);
	if (r < 0)
		return r;
	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, api->spec->ca_file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, api->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "bridge-cni-agent/" BRIDGE_CNI_VERSION);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, socket_opened);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, watch ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, watch ? 0L : (long)STALL_SECONDS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, watch ? (long)seconds + WATCH_GRACE : 0L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, head_take);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, api);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, api);
	return 0;
}

static void pause_for(struct api *api, unsigned int ms)
{
	api->request = REQUEST_NONE;
	api->retry_at = now_ms() + ms;
}

/* Twice as long each time, and between half and all of that. */
static void back_off(struct api *api)
{
	unsigned int most = api->spec->retry_max_ms, ms = RETRY_FIRST_MS;
	curl_off_t wished = 0;

	for (unsigned int i = 0; i < api->failed && ms < most; i++)
		ms *= 2;
	if (ms > most)
		ms = most;
	ms = ms / 2 + any_below(ms / 2 + 1);
	curl_easy_getinfo(api->easy, CURLINFO_RETRY_AFTER, &wished);
	if (wished >= most / 1000)
		ms = most;
	else if (wished * 1000 > ms)
		ms = (unsigned int)wished * 1000;
	api->failed++;
	pause_for(api, ms);
}

static void failed(struct api *api)
{
	const char *what = api->request == REQUEST_WATCH ? "watching Nodes has failed"
							 : "listing Nodes has failed";

	api->state.failures++;
	api->state.watching = false;
	/* A list that broke is begun anew: its pages belong together. */
	api->page = (struct list_page){};
	log_error(api->log, what, &api->err);
	back_off(api);
}

static void request_start(struct api *api)
{
	CURLMcode code;

	api->request = api->needs_list ? REQUEST_LIST : REQUEST_WATCH;
	api->started = now_ms();
	api->heard = api->gone = false;
	api->body_len = 0;
	error_clear(&api->err);
	if (api->request == REQUEST_LIST && !api->page.next[0])
		node_table_list_begin(api->nodes);
	watch_parser_init(&api->parser,
			  api->request == REQUEST_LIST ? list_keys : watch_keys,
			  api->request == REQUEST_LIST ? list_take : event_take, api);
	if ((api->stale && handles_renew(api, &api->err) < 0) ||
	    request_prepare(api, &api->err) < 0) {
		failed(api);
		return;
	}
	api->page = (struct list_page){};
	code = curl_multi_add_handle(api->multi, api->easy);
	if (code != CURLM_OK) {
		error_set(&api->err, CNI_ERR_INTERNAL, EIO, "libcurl: %s",
			  curl_multi_strerror(code));
		failed(api);
	}
}

static void refused(struct api *api, long status)
{
	static const struct {
		long status;
		const char *hint;
	} hints[] = {
		{401, "the service account's token isn't accepted"},
		{403, "the ClusterRole must allow get, list and watch of nodes"},
		{400, "the request or its resource version isn't understood"},
		{410, "the resource version is too old"},
	};
	const char *hint = "the API server refuses";

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].status == status)
			hint = hints[i].hint;
	api->body[api->body_len] = '\0';
	error_set(&api->err, CNI_ERR_TRY_AGAIN, EACCES, "%s: HTTP status %ld", hint,
		  status);
	error_details(&api->err, "%s", api->body);
	/* 400: it may be another's, of an etcd that was made anew. */
	api->gone = status == 410 || status == 400;
}

static void list_ended(struct api *api)
{
	size_t gone;

	if (api->page.next[0]) {
		request_start(api);
		return;
	}
	gone = node_table_list_end(api->nodes);
	api->news |= gone > 0 || !api->state.listed;
	api->state.listed = true;
	api->state.lists++;
	memcpy(api->version, api->page.version, sizeof(api->version));
	api->needs_list = false;
	api->from_cache = false;
	request_start(api);
}

static void ended(struct api *api, CURLcode code)
{
	bool whole = watch_parser_is_between(&api->parser);
	bool lasted = now_ms() - api->started >= WATCH_GOOD_MS;
	bool watch = api->request == REQUEST_WATCH;
	long status = 0;

	curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
	if (watch && (api->heard || lasted) && status == 200)
		api->failed = 0;
	/* The server may be elsewhere by now, and names be asked for elsewhere. */
	api->stale |= code != CURLE_OK;
	if (!api->err.code && status && status != 200)
		refused(api, status);
	if (!api->err.code && code != CURLE_OK && !(watch && lasted))
		error_set(&api->err, CNI_ERR_IO, EIO, "%s: %s", api->spec->server,
			  curl_easy_strerror(code));
	if (!api->err.code && !watch && (!whole || !api->page.version[0]))
		error_set(&api->err, CNI_ERR_JSON, EBADMSG, "the list is cut off");
	if (!api->err.code && watch && !api->heard && !lasted)
		error_set(&api->err, CNI_ERR_IO, ECONNRESET, "the watch ended at once");
	api->needs_list |= api->gone;
	if (api->err.code) {
		failed(api);
	} else if (watch) {
		/* The usual end, or a broken connection: the next goes on from there. */
		api->state.watching = false;
		pause_for(api, any_below(RETRY_FIRST_MS));
	} else {
		list_ended(api);
	}
}

/* A server that the former CA has vouched for isn't listened to any longer. */
static void ca_changed(struct api *api)
{
	api->stale = true;
	if (api->request == REQUEST_NONE)
		return;
	log_write(api->log, LOG_LEVEL_INFO, "the cluster's CA has changed", "file",
		  api->spec->ca_file, NULL);
	curl_multi_remove_handle(api->multi, api->easy);
	api->state.watching = false;
	api->page = (struct list_page){};
	pause_for(api, any_below(RETRY_FIRST_MS));
}

bool api_wait(struct api *api, struct pollfd *fds, size_t n, int timeout_ms)
{
	struct curl_waitfd waits[FDS_MAX] = {};
	int64_t left = api->retry_at - now_ms();
	int running, queued;
	CURLMsg *msg;
	bool news;

	if (api->request == REQUEST_NONE && left < timeout_ms)
		timeout_ms = left > 0 ? (int)left : 0;
	for (size_t i = 0; i < n && i < FDS_MAX; i++)
		waits[i] = (struct curl_waitfd){.fd = fds[i].fd,
						.events = CURL_WAIT_POLLIN};
	curl_multi_poll(api->multi, waits, n, timeout_ms, NULL);
	for (size_t i = 0; i < n; i++)
		fds[i].revents = waits[i].revents & CURL_WAIT_POLLIN ? POLLIN : 0;

	curl_multi_perform(api->multi, &running);
	while ((msg = curl_multi_info_read(api->multi, &queued))) {
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_multi_remove_handle(api->multi, api->easy);
		ended(api, code);
	}
	if (content_changed(&api->ca, api->spec->ca_file))
		ca_changed(api);
	if (api->request == REQUEST_NONE && now_ms() >= api->retry_at)
		request_start(api);
	news = api->news;
	api->news = false;
	return news;
}

const struct api_state *api_state(const struct api *api)
{
	return &api->state;
}

int api_open(const struct api_spec *spec, struct node_table *nodes, const struct log *log,
	     struct api **ret_api, struct cni_error *err)
{
	_cleanup_(api_closep) struct api *api = calloc(1, sizeof(*api));

	if (!api)
		return error_oom(err);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, CNI_ERR_INTERNAL, EIO, "libcurl can't start");
	api->spec = spec;
	api->nodes = nodes;
	api->log = log;
	api->needs_list = api->from_cache = true;
	(void)content_changed(&api->ca, spec->ca_file);
	if (handles_renew(api, err) < 0)
		return -ENOMEM;
	*ret_api = TAKE_PTR(api);
	return 0;
}

void api_close(struct api *api)
{
	if (!api)
		return;
	if (api->multi && api->easy)
		curl_multi_remove_handle(api->multi, api->easy);
	curl_easy_cleanup(api->easy);
	curl_multi_cleanup(api->multi);
	curl_slist_free_all(api->headers);
	free(api);
}
