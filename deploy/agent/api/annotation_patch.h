/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change of a Node's annotations, as a merge patch (RFC 7386). */
#ifndef BRIDGE_CNI_AGENT_API_ANNOTATION_PATCH_H
#define BRIDGE_CNI_AGENT_API_ANNOTATION_PATCH_H

#include <stddef.h>

/* How long the API server may take to answer a patch: nothing else is asked meanwhile. */
#define PATCH_SECONDS 10

/* An annotation that the agent wants the Node to have. */
struct annotation_wish {
	const char *name;
	const char *value; /* NULL: the Node is to have no annotation of that name */
};

/* The body of the patch, which the caller frees. NULL: memory ran out. */
char *annotation_patch(const struct annotation_wish *wishes, size_t n);

#endif
