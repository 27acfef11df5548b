/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Applies the API server's documents to the node table. reflector.h asks for them. A Node
 * that can't be understood, or one too many, keeps nobody else waiting, and is named.
 */
#ifndef BRIDGE_CNI_AGENT_API_NODE_FEED_H
#define BRIDGE_CNI_AGENT_API_NODE_FEED_H

#include "deploy/agent/base/log.h"
#include "json_filter.h"
#include "node_table.h"

/* The caller sets the first five fields, which it keeps, and the rest to 0. */
struct node_feed {
	struct node_table *nodes;
	const struct log *log;
	const struct annotation_names *annotations; /* that are asked for */
	const char *own; /* this node's name: it always has a place in the table */
	size_t max_nodes; /* how many Nodes are kept, with this node's */
	struct list_page page; /* what the last page of a list has said */
	char version[RESOURCE_VERSION_MAX]; /* where the next watch starts */
	bool changed; /* the table has */
	bool heard; /* there was a document that is no error, in this request */
	bool gone; /* the server can't go on from our resource version ... */
	bool too_old; /* ... because it is too old (410), which happens now and then */
	size_t named; /* Nodes that the log has named in this list or watch */
	uint64_t events, skipped; /* since the start */
	/* Nodes of the last list that were not kept; at least 1 where one came since. */
	size_t beyond;
};

/* A list begins, with its first page. */
void node_feed_list_begin(struct node_feed *feed);

/* Has the list named this node? One that is complete without it is doubtful. */
bool node_feed_list_has_own(const struct node_feed *feed);

/* The list is complete and believed: Nodes that it hasn't named are removed. */
void node_feed_list_end(struct node_feed *feed);

/* Another request begins. */
void node_feed_request_begin(struct node_feed *feed);

/* For json_filter_init(): the documents of a list, and of a watch. @data: the feed. */
int node_feed_list(enum filter_doc kind, const char *text, size_t len, void *data,
		   struct cni_error *err);
int node_feed_event(enum filter_doc kind, const char *text, size_t len, void *data,
		    struct cni_error *err);

#endif
