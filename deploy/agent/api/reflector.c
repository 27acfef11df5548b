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
#include "contact.h"
#include "node_feed.h"
#include "node_keys.h"
#include "refusal.h"

#define PATH_SIZE 8192
/* A server that doesn't end a watch in time is gone; a list, with all of its pages, may
 * take as long as a watch. */
#define GRACE_SECONDS 30
/* A list without this node is asked for again, and believed when the server says the same
 * for so long. */
#define DOUBT_MS       10000
#define DOUBT_AGAIN_MS 2000

enum request {
	REQUEST_NONE, /* a pause, until retry_at */
	REQUEST_LIST,
	REQUEST_WATCH,
};

struct reflector {
	const struct reflector_spec *spec;
	struct transport *transport;
	struct node_feed feed;
	struct node_keys keys;
	const struct log *log;
	struct reflector_state state;
	struct contact contact;
	int64_t retry_at; /* when a pause ends */

	bool needs_list; /* the next request is a list, else a watch */
	int64_t list_started;
	bool from_cache; /* the server may answer a list from what it remembers */
	int64_t doubted; /* when a list came that was not believed; 0: the last one was */

	/* The request that is under way. */
	enum request request;
	struct json_filter filter;
	int result; /* < 0: a document has ended it, with @err */
	struct cni_error err;
};

static bool is_watch(const struct reflector *reflector)
{
	return reflector->request == REQUEST_WATCH;
}

/* -- what the transport tells */

static void head_take(long status, void *data)
{
	struct reflector *reflector = data;

	contact_head(&reflector->contact, status);
	if (is_watch(reflector) && status == 200 && !reflector->state.watching) {
		reflector->state.watching = true;
		log_write(reflector->log, LOG_LEVEL_DEBUG, "watching", "resourceVersion",
			  reflector->feed.version, NULL);
	}
}

static int body_take(const char *bytes, size_t len, void *data)
{
	struct reflector *reflector = data;

	contact_bytes(&reflector->contact);
	reflector->result = json_filter_feed(&reflector->filter, bytes, len,
					     &reflector->err);
	return reflector->result;
}

/* -- a request begins */

static int path_make(const struct reflector *reflector, char path[PATH_SIZE],
		     unsigned int watch_seconds, struct cni_error *err)
{
	const char *next = reflector->feed.page.next;
	_cleanup_(free_p) char *value =
		transport_escape(is_watch(reflector) ? reflector->feed.version : next);
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
	const char *msg = is_watch(reflector) ? "watching Nodes has failed"
					      : "listing Nodes has failed";

	reflector->state.failures++;
	reflector->state.watching = false;
	/* A list that broke is begun anew: its pages belong together. */
	reflector->feed.page = (struct list_page){};
	pause_for(reflector, contact_failed(&reflector->contact, msg, &reflector->err,
					    reflector->feed.too_old,
					    transport_retry_after(reflector->transport)));
}

/* A watch is quiet while nothing happens. */
static struct transport_limits limits_of(const struct reflector *reflector,
					 unsigned int watch_seconds)
{
	int64_t used = (now_ms() - reflector->list_started) / 1000;
	int64_t left = (int64_t)reflector->spec->watch_seconds + GRACE_SECONDS - used;

	if (is_watch(reflector))
		return (struct transport_limits){.max_seconds = watch_seconds +
								GRACE_SECONDS};
	return (struct transport_limits){.max_seconds = left > 1 ? (unsigned int)left : 1,
					 .stall_seconds = CONTACT_STALL_SECONDS};
}

static void request_start(struct reflector *reflector)
{
	unsigned int seconds = reflector->spec->watch_seconds;
	struct transport_limits limits;
	char path[PATH_SIZE];
	bool watch;

	seconds += random_below(seconds / 2 + 1);
	reflector->request = reflector->needs_list ? REQUEST_LIST : REQUEST_WATCH;
	watch = is_watch(reflector);
	contact_begin(&reflector->contact);
	node_feed_request_begin(&reflector->feed);
	reflector->result = 0;
	error_clear(&reflector->err);
	if (!watch && !reflector->feed.page.next[0]) {
		node_feed_list_begin(&reflector->feed);
		reflector->list_started = now_ms();
	}
	json_filter_init(&reflector->filter,
			 watch ? reflector->keys.watch : reflector->keys.list,
			 watch ? node_feed_event : node_feed_list, &reflector->feed);
	limits = limits_of(reflector, seconds);
	if (path_make(reflector, path, seconds, &reflector->err) < 0 ||
	    transport_get(reflector->transport, path, &limits, &reflector->err) < 0) {
		request_failed(reflector);
		return;
	}
	reflector->feed.page = (struct list_page){};
}

/* -- a request ends */

static int refused(struct reflector *reflector, const struct transport_end *end)
{
	reflector->feed.too_old = end->status == 410;
	/* With 400 the resource version may be of an etcd that has been replaced. */
	reflector->feed.gone = reflector->feed.too_old || end->status == 400;
	return refusal_error(end, &reflector->err);
}

/* 0: the request has ended as it should. @lasted: contact_has_lasted(). */
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
	if (!watch && (!json_filter_is_between(&reflector->filter) ||
		       !reflector->feed.page.version[0]))
		return error_set(err, CNI_ERR_JSON, EBADMSG, "the list is cut off");
	if (watch && !reflector->feed.heard && !lasted)
		return error_set(err, CNI_ERR_IO, ECONNRESET, "the watch ended at once");
	return 0;
}

/*
 * Is a list to be believed that lacks this node, and may lack everything? A server that
 * has lost its data, or has just started, says so too. Nothing is removed until it has
 * said so for a while.
 */
static bool is_believed(struct reflector *reflector)
{
	bool news = reflector->doubted == 0;

	if (node_feed_list_has_own(&reflector->feed)) {
		reflector->doubted = 0;
		return true;
	}
	if (news)
		reflector->doubted = now_ms();
	if (now_ms() - reflector->doubted >= DOUBT_MS) {
		reflector->doubted = 0;
		log_write(reflector->log, LOG_LEVEL_WARN,
			  "the list of Nodes still lacks this node: it is believed",
			  NULL);
		return true;
	}
	/* A new node's Node may be made a moment later. */
	if (news)
		log_write(reflector->log,
			  reflector->state.listed ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
			  "the list of Nodes lacks this node: it is asked for again, "
			  "and nothing is removed yet",
			  "node", reflector->feed.own, NULL);
	return false;
}

static void list_ended(struct reflector *reflector)
{
	struct node_feed *feed = &reflector->feed;
	size_t before = feed->nodes->n;

	if (feed->page.next[0]) {
		request_start(reflector);
		return;
	}
	reflector->from_cache = false;
	contact_whole(&reflector->contact);
	if (!is_believed(reflector)) {
		pause_for(reflector, DOUBT_AGAIN_MS + random_below(DOUBT_AGAIN_MS));
		return;
	}
	node_feed_list_end(feed);
	feed->changed |= !reflector->state.listed;
	reflector->state.listed = true;
	reflector->state.lists++;
	/* Nodes that have gone have made room for some that were left out. */
	reflector->needs_list = feed->beyond > 0 && feed->nodes->n < before;
	if (reflector->needs_list)
		pause_for(reflector, DOUBT_AGAIN_MS);
	else
		request_start(reflector);
}

/* Is a watch under way that isn't refused? */
static void note_good_watch(struct reflector *reflector)
{
	if (is_watch(reflector) &&
	    (reflector->feed.heard || contact_has_lasted(&reflector->contact)))
		contact_good(&reflector->contact);
}

static void request_ended(struct reflector *reflector, const struct transport_end *end)
{
	bool watch = is_watch(reflector);
	int ret;

	note_good_watch(reflector);
	ret = end_judge(reflector, end, contact_has_lasted(&reflector->contact));
	reflector->needs_list |= reflector->feed.gone;
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

/* A server sends the head of a watch at once: one that doesn't is given up. */
static void give_up_unanswered(struct reflector *reflector)
{
	if (!is_watch(reflector) || !contact_is_overdue(&reflector->contact))
		return;
	transport_abandon(reflector->transport);
	error_set(&reflector->err, CNI_ERR_IO, ETIMEDOUT, "%s: no answer for %d seconds",
		  reflector->spec->transport.server, CONTACT_STALL_SECONDS);
	request_failed(reflector);
}

static void ca_changed(struct reflector *reflector)
{
	if (reflector->request == REQUEST_NONE)
		return;
	log_write(reflector->log, LOG_LEVEL_INFO, "the cluster's CA has changed", "file",
		  reflector->spec->transport.ca_file, NULL);
	reflector->state.watching = false;
	reflector->feed.page = (struct list_page){};
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
	note_good_watch(reflector);
	give_up_unanswered(reflector);
	if (transport_ca_changed(reflector->transport))
		ca_changed(reflector);
	if (reflector->request == REQUEST_NONE && now_ms() >= reflector->retry_at)
		request_start(reflector);
	changed = reflector->feed.changed;
	reflector->feed.changed = false;
	return changed;
}

const struct reflector_state *reflector_state(struct reflector *reflector)
{
	struct reflector_state *state = &reflector->state;

	state->contact_ms = contact_heard_ms(&reflector->contact);
	state->events = reflector->feed.events;
	state->skipped = reflector->feed.skipped;
	state->beyond = reflector->feed.beyond;
	return state;
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
	reflector->log = log;
	reflector->feed = (struct node_feed){
		.nodes = nodes,
		.log = log,
		.annotations = &spec->annotations,
		.own = spec->own_node,
		.max_nodes = spec->max_nodes,
	};
	node_keys_init(&reflector->keys, &spec->annotations);
	contact_init(&reflector->contact, log, spec->retry_max_ms);
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
