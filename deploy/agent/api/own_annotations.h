/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The annotations that this node's Node is to have, and the patches that give it them.
 * The reflector says when the connection is free for a patch.
 */
#ifndef BRIDGE_CNI_AGENT_API_OWN_ANNOTATIONS_H
#define BRIDGE_CNI_AGENT_API_OWN_ANNOTATIONS_H

#include <stdint.h>

#include "annotation_patch.h"
#include "deploy/agent/base/log.h"
#include "node_table.h"
#include "retry.h"
#include "transport.h"

/* The fields are of own_annotations.c alone, but for the first six, which the caller sets
 * and keeps, and for those that are told of. Zero-initialise the others. */
struct own_annotations {
	const struct annotation_names *names; /* that may be wished */
	const struct node_table *nodes;
	const char *node; /* this node's name */
	const char *rights; /* the manifest that allows to patch it */
	const struct log *log;
	/* The pauses between patches in a row, until the wish is fulfilled for a
	 * while. */
	struct retry retry;

	struct annotation_texts texts; /* that are wished */
	uint32_t wished; /* a bit for each name: it is to be as @texts says */
	int64_t due_at; /* when the next patch may be sent */
	int64_t fulfilled_since; /* 0: it isn't */
	int64_t failing_since; /* 0: the last patch was taken */
	uint64_t told; /* of log_error_once() */

	/* To be told of: */
	uint64_t taken, failures; /* patches, since the start */
	char refused[256]; /* why the API server refuses patches; "": it doesn't */
};

/* Sets what is wished: each name is among own->names; others are left alone. */
void own_annotations_wish(struct own_annotations *own,
			  const struct annotation_wish *wishes, size_t n);

/* Tells whether this node's Node is as wished, as far as the node table knows, or nothing
 * is wished. */
bool own_annotations_fulfilled(const struct own_annotations *own);

/* Tells whether a patch is to be sent now. */
bool own_annotations_due(struct own_annotations *own);

/* Starts the patch. < 0: that has failed, and was logged; the next one is sent later. */
int own_annotations_send(struct own_annotations *own, struct transport *transport);

/* The patch has ended. False: it wasn't taken, which the log says. */
bool own_annotations_ended(struct own_annotations *own, const struct transport *transport,
			   const struct transport_end *end);

#endif
