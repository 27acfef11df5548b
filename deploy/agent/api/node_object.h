/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The API server's documents as plain C data: a Node, an event of a watch, and a page of
 * a list without its Nodes. See the Kubernetes API reference, Node
 * v1, and its API concepts ("Efficient detection of changes").
 */
#ifndef BRIDGE_CNI_AGENT_API_NODE_OBJECT_H
#define BRIDGE_CNI_AGENT_API_NODE_OBJECT_H

#include "annotations.h"
#include "conf/base/addr.h"
#include "conf/base/error.h"

#define NODE_NAME_MAX	     253 /* bytes, as of a DNS subdomain */
#define NODE_MORE_MAX	     8 /* InternalIPs besides the first ones; no more are read */
#define RESOURCE_VERSION_MAX 64 /* bytes, with the NUL */
#define CONTINUE_MAX	     4096 /* bytes of a continue token, with the NUL */

/* A Node, as far as the agent needs it. Arrays are by family, as ip_families[]: a Node
 * has at most one podCIDR of each. */
struct node_object {
	char name[NODE_NAME_MAX + 1]; /* a DNS subdomain */
	char version[RESOURCE_VERSION_MAX];
	/* When it was made: the digits of the time, 20261128190000, so that an earlier
	 * one is less; 0: not known. */
	uint64_t created;
	struct ip_prefix cidrs[IP_FAMILIES]; /* its podCIDRs; family 0: none */
	/* Its first InternalIP of each family; family 0: none. */
	struct ip_addr addresses[IP_FAMILIES];
	struct ip_addr more[NODE_MORE_MAX]; /* its other InternalIPs */
	size_t n_more;
	bool address_v6_first; /* the first InternalIP is IPv6 */
	bool v6_first; /* the first podCIDR, which gives a pod's first address, is IPv6 */
	struct annotation_texts annotations;
	/* An annotation that counts as absent, since it is longer than ANNOTATION_MAX or no
	 * text; borrowed of the names that were asked for. NULL: there is none. */
	const char *odd_annotation;
};

/*
 * Reads a Node, of a list, with the annotations of these names; node_keys.h has the keys
 * that are looked at. Codes 6, 7: the key's path and what was expected; 100. After
 * an error @ret_node has the name if it could be read: then this Node is left out, and
 * the others are taken.
 */
int node_object_read(const char *text, size_t len, const struct annotation_names *names,
		     struct node_object *ret_node, struct cni_error *err);

/* A page of a list, without its Nodes. */
struct list_page {
	char version[RESOURCE_VERSION_MAX]; /* of the list: where a watch may start */
	char next[CONTINUE_MAX]; /* the token for the next page; "": this was the last */
};

/* Codes 6, 7, 100. */
int list_page_read(const char *text, size_t len, struct list_page *ret_page,
		   struct cni_error *err);

enum watch_type {
	WATCH_CHANGED, /* ADDED, MODIFIED */
	WATCH_DELETED,
	WATCH_BOOKMARK, /* of the node only the resourceVersion is there */
	WATCH_ERROR, /* the watch ends */
	WATCH_UNKNOWN, /* of a newer API */
};

struct watch_event {
	enum watch_type type;
	struct node_object node;
	uint32_t status; /* of WATCH_ERROR, as HTTP's; 410: resourceVersion too old */
	char message[256]; /* of WATCH_ERROR, cut to fit */
};

/* Reads an event of a watch. Codes 6, 7, 100. After an error @ret_event has what could be
 * read: the type, and the node as node_object_read() leaves it. */
int watch_event_read(const char *text, size_t len, const struct annotation_names *names,
		     struct watch_event *ret_event, struct cni_error *err);

#endif
