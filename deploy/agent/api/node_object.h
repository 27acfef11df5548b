/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the API server's documents say, as plain C data: a Node, an event of a watch, what
 * surrounds a page of a list. See the Kubernetes API reference, Node v1, and its API concepts
 * ("Efficient detection of changes").
 */
#ifndef BRIDGE_CNI_AGENT_NODE_OBJECT_H
#define BRIDGE_CNI_AGENT_NODE_OBJECT_H

#include "conf/base/addr.h"
#include "json_filter.h"

#define FAMILIES	     2 /* a Node has at most one podCIDR of each */
#define NODE_NAME_MAX	     253 /* a DNS subdomain's length */
#define RESOURCE_VERSION_MAX 64
#define CONTINUE_MAX	     4096

/* The keys that are read: of a page of a list, and of a watch. */
extern const struct watch_key list_keys[], watch_keys[];

/* What of a Node is of use here; [0] IPv4, [1] IPv6, family 0 where it has none. */
struct node_object {
	char name[NODE_NAME_MAX + 1];
	char version[RESOURCE_VERSION_MAX];
	struct ip_prefix cidrs[FAMILIES];
	struct ip_addr addresses[FAMILIES]; /* the first InternalIP of each */
	bool v6_first; /* of the podCIDRs: that is a pod's first address */
};

/* Code 6 and 7: the path of the key and what was expected. Where its name could be read,
 * @ret_node has it all the same: the others' nodes are none of its business. */
int node_object_read(const char *text, size_t len, struct node_object *ret_node,
		     struct cni_error *err);

/* What surrounds the items. */
struct list_page {
	char version[RESOURCE_VERSION_MAX];
	char next[CONTINUE_MAX]; /* "": this was the last page */
};
int list_page_read(const char *text, size_t len, struct list_page *ret_page,
		   struct cni_error *err);

enum watch_type {
	WATCH_CHANGED, /* ADDED, MODIFIED */
	WATCH_DELETED,
	WATCH_BOOKMARK, /* nothing but a resourceVersion */
	WATCH_ERROR,
	WATCH_UNKNOWN,
};

struct watch_event {
	enum watch_type type;
	struct node_object node;
	uint32_t status; /* WATCH_ERROR: as HTTP's; 410: the resourceVersion is too old */
	char message[256];
};
int watch_event_read(const char *text, size_t len, struct watch_event *ret_event,
		     struct cni_error *err);

#endif
