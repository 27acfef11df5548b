/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Annotations of Nodes: those whose names the agent asks for, and their texts. The caller
 * knows the names, and what the texts mean.
 */
#ifndef BRIDGE_CNI_AGENT_API_ANNOTATIONS_H
#define BRIDGE_CNI_AGENT_API_ANNOTATIONS_H

#include <stdbool.h>
#include <stddef.h>

#define ANNOTATION_NAMES_MAX 16 /* names that are asked for at once */
#define ANNOTATION_NAME_MAX  317 /* bytes: a prefix of 253, "/", a name of 63 */
#define ANNOTATION_MAX	     512 /* bytes of a text; a longer one is not used */

/* The names that are asked for; borrowed. None: no annotation is read at all. */
struct annotation_names {
	const char *const *items;
	size_t n;
};

/* The index of @name; names->n: it isn't asked for. */
size_t annotation_names_find(const struct annotation_names *names, const char *name);

/*
 * The texts of one Node, in the order of the names: of each a '=', the text and a NUL, or
 * the NUL alone where the Node has no such annotation; what would be behind the last text
 * is left out. So equal texts are equal bytes. Zero-initialise it.
 */
struct annotation_texts {
	size_t n; /* how many names have their bytes */
	size_t len;
	char bytes[ANNOTATION_NAMES_MAX * (ANNOTATION_MAX + 2)];
};

/* Sets the text of the name @index, which is higher than any that was set before; @text
 * has at most ANNOTATION_MAX bytes. */
void annotation_texts_set(struct annotation_texts *texts, size_t index, const char *text);

/* The text of the name @index in bytes of that form; NULL: there is none. */
const char *annotation_text(const char *bytes, size_t len, size_t index);

#endif
