/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages of a list, then watches until the server says that their resource version is
 * gone, then a list again; after an error a pause.
 */
#include "reflector.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/clock.h"
#include "retry.h"

#define PATH_SIZE	    8192
#define WATCH_GRACE_SECONDS 30 /* a server that doesn't end a watch in time is gone */
#define WATCH_GOOD_MS	    5000 /* a watch that lasted so long wasn't refused */

enum request {
	REQUEST_NONE, /* a pause, until retry_at */
	REQUEST_LIST,
	REQUEST_WATCH,
};

struct reflector {
	const struct reflector_spec *spec;
	struct transport *transport;
	struct node_table *nodes;
	const struct log *log;
	struct reflector_state state;
	struct retry retry;
	int64_t retry_at;

	bool needs_list; /* the next request is a list, else a watch */
	bool from_cache; /* the server may answer a list from what it remembers */
	struct list_page page; /* what the last page has said */
	char version[RESOURCE_VERSION_MAX]; /* where the next watch starts */
	bool changed; /* the table has, since reflector_wait() returned */

	/* The request that is under way. */
	enum request request;
	int64_t started;
	struct json_filter filter;
	bool heard; /* it has brought a document that is no error */
	bool gone; /* the server can't go on from our resource version */
	int result; /* < 0: a document has ended it, with @err */
	struct cni_error err;
};

static bool is_watch(const struct reflector *reflector)
{
	return reflector->request == REQUEST_WATCH;
}

/* -- what the documents do to the table */

static void skip(struct reflector *reflector, const char *name, struct cni_error *err)
{
	reflector->state.skipped++;
	if (name[0])
		node_table_keep(reflector->nodes, name);
	log_write(reflector->log, LOG_LEVEL_WARN, "a Node can't be understood", "node",
		  name, "error", err->msg, NULL);
	error_clear(err);
}

static int node_take(struct reflector *reflector, const struct node_object *node,
		     struct cni_error *err)
{
	int ret = node_table_set(reflector->nodes, node, err);

	if (ret < 0)
		return ret;
	reflector->changed |= ret == NODE_TABLE_CHANGED;
	return 0;
}

static int too_long(struct cni_error *err)
{
	return error_set(err, CNI_ERR_JSON, EFBIG, "longer than %d bytes",
			 FILTER_DOC_MAX);
}

static int list_take(enum filter_doc kind, const char *text, size_t len, void *data,
		     struct cni_error *err)
{
	struct reflector *reflector = data;
	struct cni_error node_err = {};
	struct node_object node = {};
	int ret;

	if (kind == FILTER_DOC && text)
		return list_page_read(text, len, &reflector->page, err);
	ret = text ? node_object_read(text, len, &node, &node_err) : too_long(&node_err);
	if (ret == 0)
		return node_take(reflector, &node, err);
	skip(reflector, node.name, &node_err);
	return 0;
}

static int watch_failed(struct reflector *reflector, const struct watch_event *event,
			struct cni_error *err)
{
	/* The status is mostly 410. After another one, too, events may be missing; but a
	 * server that has too much to do (429) is not asked for the list besides. */
	reflector->gone = event->status != 429;
	return error_set(err, CNI_ERR_TRY_AGAIN, ECONNABORTED, "%s (%u)",
			 event->message[0] ? event->message : "the watch was ended",
			 event->status);
}

static int event_take(enum filter_doc kind, const char *text, size_t len, void *data,
		      struct cni_error *err)
{
	struct reflector *reflector = data;
	struct watch_event event = {};
	struct cni_error event_err = {};
	int ret;

	(void)kind;
	reflector->state.events++;
	ret = text ? watch_event_read(text, len, &event, &event_err)
		   : too_long(&event_err);
	if (event.type == WATCH_ERROR)
		return watch_failed(reflector, &event, err);
	reflector->heard = true;
	if (event.node.version[0])
		memcpy(reflector->version, event.node.version,
		       sizeof(reflector->version));
	/* A Node that is gone needs nothing but its name. */
	if (event.type == WATCH_DELETED && event.node.name[0])
		reflector->changed |= node_table_remove(reflector->nodes,
							event.node.name);
	else if (ret < 0)
		skip(reflector, event.node.name, &event_err);
	else if (event.type == WATCH_CHANGED)
		return node_take(reflector, &event.node, err);
	return 0;
}

/* -- what the transport tells */

static void head_take(long status, void *data)
{
	struct reflector *reflector = data;

	reflector->state.contact_ms = now_ms();
	/* A watch sends its head at once, even where it has no event yet. */
	if (is_watch(reflector) && status == 200 && !reflector->state.watching) {
		reflector->state.watching = true;
		log_write(reflector->log, LOG_LEVEL_DEBUG, "watching", "resourceVersion",
			  reflector->version, NULL);
	}
}

static int body_take(const char *bytes, size_t len, void *data)
{
	struct reflector *reflector = data;

	reflector->result = json_filter_feed(&reflector->filter, bytes, len,
					     &reflector->err);
	return reflector->result;
}

/* -- a request begins */

static int path_make(const struct reflector *reflector, char path[PATH_SIZE],
		     unsigned int watch_seconds, struct cni_error *err)
{
	const char *next = reflector->page.next;
	_cleanup_(free_p) char *value =
		transport_escape(is_watch(reflector) ? reflector->version : next);
	int len;

	if (!value)
		return error_oom(err);
	if (is_watch(reflector))
		len = snprintf(path, PATH_SIZE,
			       "/api/v1/nodes?watch=true&allowWatchBookmarks=true"
			       "&resourceVersion=%s&timeoutSeconds=%u",
			       value, watch_seconds);
	else
		len = snprintf(path, PATH_SIZE, "/api/v1/nodes?limit=%d%s%s",
			       LIST_PAGE_NODES,
			       next[0]		       ? "&continue="
			       : reflector->from_cache ? "&resourceVersion=0"
						       : "",
			       value);
	if (len < 0 || len >= PATH_SIZE)
		return error_set(err, CNI_ERR_INTERNAL, ENAMETOOLONG,
				 "the API server's continue token is too long");
	return 0;
}

static void pause_for(struct reflector *reflector, unsigned int ms)
{
	reflector->request = REQUEST_NONE;
	reflector->retry_at = now_ms() + ms;
}

static void request_failed(struct reflector *reflector)
{
	int64_t wished = transport_retry_after(reflector->transport);

	log_error(reflector->log,
		  is_watch(reflector) ? "watching Nodes has failed"
				      : "listing Nodes has failed",
		  &reflector->err);
	reflector->state.failures++;
	reflector->state.watching = false;
	/* A list that broke is begun anew: its pages belong together. */
	reflector->page = (struct list_page){};
	pause_for(reflector, retry_next_ms(&reflector->retry, wished));
}

static void request_start(struct reflector *reflector)
{
	unsigned int seconds = reflector->spec->watch_seconds;
	char path[PATH_SIZE];
	bool watch;

	seconds += random_below(seconds / 2 + 1);
	reflector->request = reflector->needs_list ? REQUEST_LIST : REQUEST_WATCH;
	watch = is_watch(reflector);
	reflector->started = now_ms();
	reflector->heard = reflector->gone = false;
	reflector->result = 0;
	error_clear(&reflector->err);
	if (!watch && !reflector->page.next[0])
		node_table_list_begin(reflector->nodes);
	json_filter_init(&reflector->filter, watch ? watch_keys : list_keys,
			 watch ? event_take : list_take, reflector);
	if (path_make(reflector, path, seconds, &reflector->err) < 0 ||
	    transport_get(reflector->transport, path,
			  watch ? seconds + WATCH_GRACE_SECONDS : 0,
			  &reflector->err) < 0) {
		request_failed(reflector);
		return;
	}
	reflector->page = (struct list_page){};
}

/* -- a request ends */

static int refused(struct reflector *reflector, const struct transport_end *end)
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
		if (hints[i].status == end->status)
			hint = hints[i].hint;
	error_set(&reflector->err, CNI_ERR_TRY_AGAIN, EACCES, "%s: HTTP status %ld", hint,
		  end->status);
	error_details(&reflector->err, "%s", end->refusal);
	/* With 400 the resource version may be of an etcd that has been replaced. */
	reflector->gone = end->status == 410 || end->status == 400;
	return -EACCES;
}

/* 0: the request has ended as it should. @lasted: it has taken at least WATCH_GOOD_MS. */
static int end_judge(struct reflector *reflector, const struct transport_end *end,
		     bool lasted)
{
	bool watch = is_watch(reflector);
	struct cni_error *err = &reflector->err;

	if (reflector->result < 0)
		return reflector->result;
	if (end->status && end->status != 200)
		return refused(reflector, end);
	if (end->error && !(watch && lasted))
		return error_set(err, CNI_ERR_IO, EIO, "%s: %s",
				 reflector->spec->transport.server, end->error);
	if (!watch &&
	    (!json_filter_is_between(&reflector->filter) || !reflector->page.version[0]))
		return error_set(err, CNI_ERR_JSON, EBADMSG, "the list is cut off");
	if (watch && !reflector->heard && !lasted)
		return error_set(err, CNI_ERR_IO, ECONNRESET, "the watch ended at once");
	return 0;
}

static void list_ended(struct reflector *reflector)
{
	size_t gone;

	if (reflector->page.next[0]) {
		request_start(reflector);
		return;
	}
	gone = node_table_list_end(reflector->nodes);
	reflector->changed |= gone > 0 || !reflector->state.listed;
	reflector->state.listed = true;
	reflector->state.lists++;
	memcpy(reflector->version, reflector->page.version, sizeof(reflector->version));
	reflector->needs_list = false;
	reflector->from_cache = false;
	request_start(reflector);
}

static void request_ended(struct reflector *reflector, const struct transport_end *end)
{
	bool lasted = now_ms() - reflector->started >= WATCH_GOOD_MS;
	bool watch = is_watch(reflector);
	int ret;

	if (watch && (reflector->heard || lasted) && end->status == 200)
		reflector->retry.failed = 0;
	ret = end_judge(reflector, end, lasted);
	reflector->needs_list |= reflector->gone;
	if (ret < 0) {
		request_failed(reflector);
	} else if (watch) {
		/* The watch ended as usual, or its connection broke: the next one goes on
		 * from there. */
		reflector->state.watching = false;
		pause_for(reflector, random_below(RETRY_FIRST_MS));
	} else {
		list_ended(reflector);
	}
}

static void ca_changed(struct reflector *reflector)
{
	if (reflector->request == REQUEST_NONE)
		return;
	log_write(reflector->log, LOG_LEVEL_INFO, "the cluster's CA has changed", "file",
		  reflector->spec->transport.ca_file, NULL);
	reflector->state.watching = false;
	reflector->page = (struct list_page){};
	pause_for(reflector, random_below(RETRY_FIRST_MS));
}

bool reflector_wait(struct reflector *reflector, struct pollfd *fds, size_t n,
		    int timeout_ms)
{
	int64_t left = reflector->retry_at - now_ms();
	struct transport_end end;
	bool changed;

	if (reflector->request == REQUEST_NONE && left < timeout_ms)
		timeout_ms = left > 0 ? (int)left : 0;
	if (transport_wait(reflector->transport, fds, n, timeout_ms, &end))
		request_ended(reflector, &end);
	if (transport_ca_changed(reflector->transport))
		ca_changed(reflector);
	if (reflector->request == REQUEST_NONE && now_ms() >= reflector->retry_at)
		request_start(reflector);
	changed = reflector->changed;
	reflector->changed = false;
	return changed;
}

const struct reflector_state *reflector_state(const struct reflector *reflector)
{
	return &reflector->state;
}

int reflector_open(const struct reflector_spec *spec, struct node_table *nodes,
		   const struct log *log, struct reflector **ret_reflector,
		   struct cni_error *err)
{
	_cleanup_(free_p) struct reflector *reflector = calloc(1, sizeof(*reflector));
	struct transport_receiver receiver = {.head = head_take, .body = body_take};
	int ret;

	if (!reflector)
		return error_oom(err);
	reflector->spec = spec;
	reflector->nodes = nodes;
	reflector->log = log;
	reflector->retry.max_ms = spec->retry_max_ms;
	reflector->needs_list = reflector->from_cache = true;
	receiver.data = reflector;
	ret = transport_open(&spec->transport, &receiver, &reflector->transport, err);
	if (ret < 0)
		return ret;
	*ret_reflector = TAKE_PTR(reflector);
	return 0;
}

void reflector_close(struct reflector *reflector)
{
	if (!reflector)
		return;
	transport_close(reflector->transport);
	free(reflector);
}
