/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a server sends, a list or a watch gives no more than some lines in the log. */
#include "node_feed.h"

#include <errno.h>
#include <string.h>

#define NAMED_MAX 20 /* Nodes, of one list or watch */

void node_feed_request_begin(struct node_feed *feed)
{
	feed->heard = feed->gone = feed->too_old = false;
	/* The pages of a list belong together. */
	if (!feed->page.next[0])
		feed->named = 0;
}

void node_feed_list_begin(struct node_feed *feed)
{
	feed->beyond = 0;
	node_table_list_begin(feed->nodes);
}

bool node_feed_list_has_own(const struct node_feed *feed)
{
	const struct cluster_node *own = node_table_find(feed->nodes, feed->own);

	return own && own->round == feed->nodes->round;
}

void node_feed_list_end(struct node_feed *feed)
{
	feed->changed |= node_table_list_end(feed->nodes) > 0;
	memcpy(feed->version, feed->page.version, sizeof(feed->version));
}

static void skip(struct node_feed *feed, const char *name, struct cni_error *err)
{
	feed->skipped++;
	if (name[0])
		node_table_keep(feed->nodes, name);
	if (feed->named++ < NAMED_MAX)
		log_write(feed->log, LOG_LEVEL_WARN, "a Node can't be understood", "node",
			  name, "error", err->msg, NULL);
	error_clear(err);
}

static bool has_room(const struct node_feed *feed, const char *name)
{
	bool own = node_table_find(feed->nodes, feed->own) != NULL;

	return feed->nodes->n + !own < feed->max_nodes || strcmp(name, feed->own) == 0 ||
	       node_table_find(feed->nodes, name);
}

/* A list has each Node once. A watch tells of one again and again: the first one of all
 * is named, the others when the next list comes. */
static void leave_out(struct node_feed *feed, const char *name, bool listed)
{
	bool news = listed || feed->beyond == 0;

	feed->beyond += news;
	if (news && feed->named++ < NAMED_MAX)
		log_write(feed->log, LOG_LEVEL_ERROR,
			  "there are more Nodes than --max-nodes: this one is left out",
			  "node", name, NULL);
}

/* A Node is told of again and again: its annotation is named when it becomes odd. */
static void name_annotation(struct node_feed *feed, const struct node_object *node)
{
	const struct cluster_node *known = node_table_find(feed->nodes, node->name);

	if (node->odd_annotation && !(known && known->odd_annotation) &&
	    feed->named++ < NAMED_MAX)
		log_write(feed->log, LOG_LEVEL_WARN,
			  "a Node's annotation is too long or no text: it counts as "
			  "absent",
			  "node", node->name, "annotation", node->odd_annotation, NULL);
}

static int take(struct node_feed *feed, const struct node_object *node, bool listed,
		struct cni_error *err)
{
	int ret;

	if (!has_room(feed, node->name)) {
		leave_out(feed, node->name, listed);
		return 0;
	}
	name_annotation(feed, node);
	ret = node_table_set(feed->nodes, node, err);
	if (ret < 0)
		return ret;
	feed->changed |= ret == NODE_TABLE_CHANGED;
	return 0;
}

static int too_long(struct cni_error *err)
{
	return error_set(err, CNI_ERR_JSON, EFBIG, "longer than %d bytes",
			 FILTER_DOC_MAX);
}

int node_feed_list(enum filter_doc kind, const char *text, size_t len, void *data,
		   struct cni_error *err)
{
	struct node_feed *feed = data;
	struct cni_error node_err = {};
	struct node_object node = {};
	int ret;

	if (kind == FILTER_DOC && text)
		return list_page_read(text, len, &feed->page, err);
	ret = text ? node_object_read(text, len, feed->annotations, &node, &node_err)
		   : too_long(&node_err);
	if (ret == 0)
		return take(feed, &node, true, err);
	skip(feed, node.name, &node_err);
	return 0;
}

static int watch_failed(struct node_feed *feed, const struct watch_event *event,
			struct cni_error *err)
{
	/* The status is mostly 410. After another one, too, events may be missing; but a
	 * server that has too much to do (429) is not asked for the list besides. */
	feed->gone = event->status != 429;
	feed->too_old = event->status == 410;
	return error_set(err, CNI_ERR_TRY_AGAIN, ECONNABORTED, "%s (%u)",
			 event->message[0] ? event->message : "the watch was ended",
			 event->status);
}

int node_feed_event(enum filter_doc kind, const char *text, size_t len, void *data,
		    struct cni_error *err)
{
	struct node_feed *feed = data;
	struct watch_event event = {};
	struct cni_error event_err = {};
	int ret;

	(void)kind;
	feed->events++;
	ret = text ? watch_event_read(text, len, feed->annotations, &event, &event_err)
		   : too_long(&event_err);
	if (event.type == WATCH_ERROR)
		return watch_failed(feed, &event, err);
	feed->heard = true;
	if (event.node.version[0])
		memcpy(feed->version, event.node.version, sizeof(feed->version));
	/* A Node that is gone needs nothing but its name. */
	if (event.type == WATCH_DELETED && event.node.name[0])
		feed->changed |= node_table_remove(feed->nodes, event.node.name);
	else if (ret < 0)
		skip(feed, event.node.name, &event_err);
	else if (event.type == WATCH_CHANGED)
		return take(feed, &event.node, false, err);
	return 0;
}
