/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pods that something waits for: how many they are, and the first ones' names. */
#ifndef BRIDGE_CNI_AGENT_NODE_POD_NAMES_H
#define BRIDGE_CNI_AGENT_NODE_POD_NAMES_H

#include <stdint.h>

#include "conf/base/text.h"
#include "conf/pod.h"
#include "deploy/agent/base/log.h"

#define POD_NAMES_MAX 8 /* how many are named */

struct pod_names {
	size_t n; /* attachments; a pod may have several */
	char names[POD_NAMES_MAX][POD_NAME_MAX]; /* each once, "" behind the last one */
};

void pod_names_add(struct pod_names *pods, const char *name);

/* How many are named. */
size_t pod_names_count(const struct pod_names *pods);

/* Adds the names, and how many more there are. */
void pod_names_text(const struct pod_names *pods, struct text *text);

/* The number of pods that was logged last; zeros at first. */
struct pod_names_told {
	size_t n;
	int64_t at; /* by now_ms() */
};

/* Logs who is left, with the pairs "left" and "pods", and @key with @value before them.
 * The same number is not logged again, and a line follows another one after half a minute
 * at the earliest. */
void pod_names_tell(const struct pod_names *pods, const struct log *log,
		    struct pod_names_told *told, const char *msg, const char *key,
		    const char *value);

#endif
