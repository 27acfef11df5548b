/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attachments by their records, and which of them are alive. The store's lock isn't
 * taken: a record is whole or absent, and an attachment that is alive has its namespace,
 * at whatever step of its ADD.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_ATTACHMENT_LIFE_H
#define BRIDGE_CNI_AGENT_NODE_ATTACHMENT_LIFE_H

#include "ipam/store/record.h"
#include "network_names.h"
#include "plugin/attachment/kernel.h"
#include "plugin/node/node.h"

enum life {
	LIFE_ALIVE, /* it lives, or that can't be told */
	LIFE_SEEN, /* it lives, and its namespace is seen at its path */
	LIFE_DEAD, /* it has no interface, and at its path there is no namespace */
	LIFE_ELSEWHERE, /* it is of an earlier boot, or of another node of this machine */
};

/* An attachment that has a record. */
struct recorded {
	struct record record;
	enum life life;
};

struct recorded_list {
	struct recorded *items;
	size_t n;
	struct node node;
	struct kernel kernel; /* through which the plugin asks the same questions */
};
#define RECORDED_LIST_EMPTY          \
	{                            \
		.node = NODE_CLOSED, \
	}

/* Opens what the questions to the kernel need. recorded_list_clear() is to be called
 * after an error, too. Codes 5, 100, 101. */
int recorded_list_open(struct recorded_list *list, struct cni_error *err);
void recorded_list_clear(struct recorded_list *list);

/* Adds the attachments of the network, or of every network in its store. A record
 * that is torn, or of a newer version, is left out. Codes 5, 100. */
int recorded_list_add_network(struct recorded_list *list,
			      const struct network_names *names, struct cni_error *err);
int recorded_list_add_all(struct recorded_list *list, const struct network_names *names,
			  struct cni_error *err);

/* Adds the attachment with this record. */
int recorded_list_add(const char *text, size_t len, void *list, struct cni_error *err);

/* Is there a network namespace at @path? */
bool is_namespace(const char *path);

#endif
