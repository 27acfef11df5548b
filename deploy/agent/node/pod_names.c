/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pods are many, so a line of the log or a page names the first ones alone. */
#include "pod_names.h"

#include <stdio.h>
#include <string.h>

#include "conf/base/clock.h"
#include "conf/base/printable.h"

#define TELL_MS 30000 /* between lines about the same change */

void pod_names_add(struct pod_names *pods, const char *name)
{
	size_t named = pod_names_count(pods);

	pods->n++;
	for (size_t i = 0; i < named; i++)
		if (strcmp(pods->names[i], name) == 0)
			return;
	if (named < POD_NAMES_MAX)
		snprintf(pods->names[named], POD_NAME_MAX, "%s", name);
}

size_t pod_names_count(const struct pod_names *pods)
{
	size_t n = 0;

	while (n < POD_NAMES_MAX && pods->names[n][0])
		n++;
	return n;
}

void pod_names_text(const struct pod_names *pods, struct text *text)
{
	size_t named = pod_names_count(pods);

	for (size_t i = 0; i < named; i++) {
		text_put(text, " ", i ? 1 : 0);
		text_add_printable(text, pods->names[i]);
	}
	if (named == POD_NAMES_MAX && pods->n > named)
		text_add(text, " and %zu more", pods->n - named);
}

void pod_names_tell(const struct pod_names *pods, const struct log *log,
		    struct pod_names_told *told, const char *msg, const char *key,
		    const char *value)
{
	int64_t now = now_ms();
	struct text names = {};
	char n[24];

	if (pods->n == told->n || (told->n && now - told->at < TELL_MS))
		return;
	snprintf(n, sizeof(n), "%zu", pods->n);
	pod_names_text(pods, &names);
	log_write(log, LOG_LEVEL_WARN, msg, key, value, "left", n, "pods",
		  names.text && !names.failed ? names.text : "", NULL);
	free(names.text);
	*told = (struct pod_names_told){.n = pods->n, .at = now};
}
