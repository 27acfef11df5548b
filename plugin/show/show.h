/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `bridge-cni show`: what there is of the networks on this node, for people and, with
 * --json, for programs (deploy/show.schema.json). It changes nothing, and nobody waits for
 * it. Text from outside is printed so that no terminal listens to it.
 */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_SHOW_H
#define BRIDGE_CNI_PLUGIN_SHOW_SHOW_H

#include "conf/json/json_write.h"
#include "plugin/attachment/attachment.h"

/* What is shown so far. Begins as zeros, with the first members filled in. */
struct show {
	bool json;
	bool colour; /* for a terminal */
	/* What is asked for: networks, addresses, pods, interfaces, containers; the last is
	 * NULL. NULL: everything. The array is owned, the names are borrowed. */
	char **names;

	bool *found; /* by name; owned */
	struct json_writer doc; /* with @json */
	struct json_writer attachments, others; /* entries of further lists of it */
	struct text text; /* without */
	struct text unseen; /* a line for each thing that could not be seen */
	/* the networks that have been shown: a store may tell of them as well */
	struct {
		struct shown_owner {
			uint64_t owner; /* identity_owner() */
			char *network; /* its name; owned */
		} * items;
		size_t n;
	} owners;
};
void show_clear(struct show *show);

/* Code 100. */
int show_begin(struct show *show, struct cni_error *err);

/* Adds the network, or what is asked for of it, unless it has been shown. @file: where its configuration stands; NULL:
 * the store tells of it. Codes 100, 101. */
int show_network(struct show *show, struct attachment *net, const char *file,
		 struct cni_error *err);

/* Notes that a network, which may have been shown, can't be told from the store. */
void show_unseen(struct show *show, const char *network, const struct cni_error *err);

/* Notes that a file or a store can't be read. */
void show_unread(struct show *show, const char *what, const struct cni_error *err);

/* Returns a name that nothing was found by; NULL: there is none. */
const char *show_unfound(const struct show *show);

/* Adds the rest, and prints all on standard output. Code 100. */
int show_end(struct show *show, struct cni_error *err);

#endif
