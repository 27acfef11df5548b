/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages of a list, then watches until the server says that their resource version is
 * gone, then a list again; after an error a pause. A patch is sent behind a list, or ends
 * a watch, and the next watch goes on from where that one was.
 */
#include "reflector.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/clock.h"
#include "contact.h"
#include "list_doubt.h"
#include "node_feed.h"
#include "node_keys.h"
#include "node_paths.h"
#include "own_annotations.h"
#include "refusal.h"

/* A server that doesn't end a watch in time is gone; a list, with all of its pages, may
 * take as long as a watch. */
#define GRACE_SECONDS 30
#define LIST_AGAIN_MS 2000 /* after a list that isn't believed, or leaves Nodes out */

enum request {
	REQUEST_NONE, /* a pause, until retry_at */
	REQUEST_LIST,
	REQUEST_WATCH,
	REQUEST_PATCH, /* of the own Node */
};

struct reflector {
	const struct reflector_spec *spec;
	struct transport *transport;
	struct node_feed feed;
	struct node_keys keys;
	struct own_annotations own;
	const struct log *log;
	struct reflector_state state;
	struct contact contact;
	int64_t retry_at; /* when a pause ends */

	bool needs_list; /* the next request is a list, else a watch */
	int64_t list_started;
	bool from_cache; /* the server may answer a list from what it remembers */
	struct list_doubt doubt;

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
	/* The answer to a patch is the Node, of which a watch tells, too. */
	if (reflector->request == REQUEST_PATCH)
		return 0;
	reflector->result = json_filter_feed(&reflector->filter, bytes, len,
					     &reflector->err);
	return reflector->result;
}

/* -- a request begins */

static int path_make(const struct reflector *reflector, char path[NODE_PATH_SIZE],
		     unsigned int watch_seconds, struct cni_error *err)
{
	const struct node_feed *feed = &reflector->feed;

	if (is_watch(reflector))
		return node_watch_path(feed->version, watch_seconds, path, err);
	return node_list_path(feed->page.next, reflector->from_cache, path, err);
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
	char path[NODE_PATH_SIZE];
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
	    transport_start(reflector->transport, path, NULL, &limits, &reflector->err) <
		    0) {
		request_failed(reflector);
		return;
	}
	reflector->feed.page = (struct list_page){};
}

/* -- a patch of the own Node */

static void patch_start(struct reflector *reflector)
{
	reflector->request = REQUEST_PATCH;
	contact_begin(&reflector->contact);
	if (own_annotations_send(&reflector->own, reflector->transport) < 0)
		pause_for(reflector, random_below(RETRY_FIRST_MS));
}

static void patch_ended(struct reflector *reflector, const struct transport_end *end)
{
	if (own_annotations_ended(&reflector->own, reflector->transport, end))
		request_start(reflector);
	else
		pause_for(reflector, random_below(RETRY_FIRST_MS));
}

/* Starts what is next: a list where one is needed, a patch that is due, or a watch. */
static void next_start(struct reflector *reflector)
{
	if (!reflector->needs_list && own_annotations_due(&reflector->own))
		patch_start(reflector);
	else
		request_start(reflector);
}

/* A watch that is answered gives way to a patch. */
static void interrupt_watch(struct reflector *reflector)
{
	if (!reflector->state.watching || !own_annotations_due(&reflector->own))
		return;
	transport_abandon(reflector->transport);
	reflector->state.watching = false;
	patch_start(reflector);
}

/* -- a request ends */

/* 0: the request has ended as it should. @lasted: contact_has_lasted(). */
static int end_judge(struct reflector *reflector, const struct transport_end *end,
		     bool lasted)
{
	bool watch = is_watch(reflector);
	struct cni_error *err = &reflector->err;

	if (reflector->result < 0)
		return reflector->result;
	if (end->status && end->status != 200) {
		reflector->feed.too_old = end->status == 410;
		/* With 400 the version may be of an etcd that has been replaced. */
		reflector->feed.gone = reflector->feed.too_old || end->status == 400;
		return refusal_error(end, err);
	}
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
	if (!list_doubt_believes(&reflector->doubt, feed, reflector->state.listed)) {
		pause_for(reflector, LIST_AGAIN_MS + random_below(LIST_AGAIN_MS));
		return;
	}
	node_feed_list_end(feed);
	feed->changed |= !reflector->state.listed;
	reflector->state.listed = true;
	reflector->state.lists++;
	/* Nodes that have gone have made room for some that were left out. */
	reflector->needs_list = feed->beyond > 0 && feed->nodes->n < before;
	if (reflector->needs_list)
		pause_for(reflector, LIST_AGAIN_MS);
	else
		next_start(reflector);
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

	if (reflector->request == REQUEST_PATCH) {
		patch_ended(reflector, end);
		return;
	}
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

/* @why: as of transport_outdated(). */
static void begin_anew(struct reflector *reflector, const char *why)
{
	if (!why || reflector->request == REQUEST_NONE)
		return;
	log_write(reflector->log, LOG_LEVEL_INFO, why, NULL);
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
	begin_anew(reflector, transport_outdated(reflector->transport));
	if (reflector->request == REQUEST_NONE && now_ms() >= reflector->retry_at)
		next_start(reflector);
	interrupt_watch(reflector);
	changed = reflector->feed.changed;
	reflector->feed.changed = false;
	return changed;
}

void reflector_annotate(struct reflector *reflector, const struct annotation_wish *wishes,
			size_t n)
{
	own_annotations_wish(&reflector->own, wishes, n);
}

const struct reflector_state *reflector_state(struct reflector *reflector)
{
	struct reflector_state *state = &reflector->state;

	state->contact_ms = contact_heard_ms(&reflector->contact);
	state->events = reflector->feed.events;
	state->skipped = reflector->feed.skipped;
	state->beyond = reflector->feed.beyond;
	state->annotated = own_annotations_fulfilled(&reflector->own);
	state->patches = reflector->own.taken;
	state->patch_failures = reflector->own.failures;
	state->patch_refused = reflector->own.refused;
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
	reflector->own = (struct own_annotations){
		.names = &spec->annotations,
		.nodes = nodes,
		.node = spec->own_node,
		.rights = spec->patch_rights,
		.log = log,
		.retry.max_ms = spec->retry_max_ms,
	};
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
