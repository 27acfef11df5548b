/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where another program writes the same annotations, patches are sent with pauses that
 * grow. */
#include "own_annotations.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/clock.h"
#include "node_paths.h"
#include "refusal.h"

#define CONFIRM_MS 5000 /* the watch has this long to tell of a patch */
#define SETTLED_MS 10000 /* a wish that is fulfilled for so long isn't fought over */
#define QUIET_MS   5000 /* failures of a time so short are nobody's business */

static const struct annotation_wish *find_wish(const struct annotation_wish *wishes,
					       size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(wishes[i].name, name) == 0)
			return &wishes[i];
	return NULL;
}

void own_annotations_wish(struct own_annotations *own,
			  const struct annotation_wish *wishes, size_t n)
{
	struct annotation_texts texts = {};
	uint32_t wished = 0;
	int64_t now = now_ms();

	for (size_t i = 0; i < n; i++)
		assert(annotation_names_find(own->names, wishes[i].name) < own->names->n);
	for (size_t i = 0; i < own->names->n; i++) {
		const struct annotation_wish *wish = find_wish(wishes, n,
							       own->names->items[i]);

		if (!wish)
			continue;
		wished |= 1U << i;
		if (wish->value)
			annotation_texts_set(&texts, i, wish->value);
	}
	if (wished == own->wished && texts.len == own->texts.len &&
	    memcmp(texts.bytes, own->texts.bytes, texts.len) == 0)
		return;
	own->texts = texts;
	own->wished = wished;
	own->fulfilled_since = 0;
	if (!wished)
		own->refused[0] = '\0';
	/* The pause was for the former wish. After a failure of the server it stays. */
	if (!own->failing_since && own->due_at > now + RETRY_FIRST_MS)
		own->due_at = now + RETRY_FIRST_MS;
}

static bool is_as_wished(const struct own_annotations *own,
			 const struct cluster_node *node)
{
	for (size_t i = 0; i < own->names->n; i++) {
		const char *is = node_annotation(node, i);
		const char *wish = annotation_text(own->texts.bytes, own->texts.len, i);

		if (!(own->wished & 1U << i))
			continue;
		if (!is != !wish || (is && strcmp(is, wish) != 0))
			return false;
	}
	return true;
}

bool own_annotations_fulfilled(const struct own_annotations *own)
{
	const struct cluster_node *node;

	if (!own->wished)
		return true;
	node = node_table_find(own->nodes, own->node);
	return node && is_as_wished(own, node);
}

bool own_annotations_due(struct own_annotations *own)
{
	int64_t now;

	if (!own->wished)
		return false;
	now = now_ms();
	if (own_annotations_fulfilled(own)) {
		if (!own->fulfilled_since)
			own->fulfilled_since = now;
		own->failing_since = 0;
		own->refused[0] = '\0';
		return false;
	}
	if (own->fulfilled_since && now - own->fulfilled_since >= SETTLED_MS) {
		own->retry.failed = 0;
		own->due_at = 0;
	}
	own->fulfilled_since = 0;
	/* A new node's Node may be made a moment later. */
	return now >= own->due_at && node_table_find(own->nodes, own->node);
}

static void failed(struct own_annotations *own, const struct transport *transport,
		   struct cni_error *err)
{
	static const char msg[] = "annotating this node's Node has failed";
	int64_t now = now_ms(), wished_seconds = transport_retry_after(transport);

	own->failures++;
	own->due_at = now + retry_next_ms(&own->retry, wished_seconds);
	if (!own->failing_since)
		own->failing_since = now;
	if (now - own->failing_since < QUIET_MS)
		log_error_at(own->log, LOG_LEVEL_INFO, msg, err);
	else
		log_error_once(own->log, &own->told, msg, err);
}

static int send_patch(const struct own_annotations *own, struct transport *transport,
		      struct cni_error *err)
{
	static const struct transport_limits limits = {.max_seconds = PATCH_SECONDS};
	struct annotation_wish wishes[ANNOTATION_NAMES_MAX];
	_cleanup_(free_p) char *body = NULL;
	char path[NODE_PATH_SIZE];
	size_t n = 0;
	int ret;

	for (size_t i = 0; i < own->names->n; i++)
		if (own->wished & 1U << i)
			wishes[n++] = (struct annotation_wish){
				.name = own->names->items[i],
				.value = annotation_text(own->texts.bytes, own->texts.len,
							 i),
			};
	body = annotation_patch(wishes, n);
	if (!body)
		return error_oom(err);
	ret = node_path(own->node, path, err);
	if (ret < 0)
		return ret;
	return transport_start(transport, path, body, &limits, err);
}

int own_annotations_send(struct own_annotations *own, struct transport *transport)
{
	struct cni_error err = {};
	int ret = send_patch(own, transport, &err);

	if (ret < 0)
		failed(own, transport, &err);
	return ret;
}

static void taken(struct own_annotations *own)
{
	unsigned int pause = retry_next_ms(&own->retry, 0);

	own->taken++;
	own->due_at = now_ms() + (pause > CONFIRM_MS ? pause : CONFIRM_MS);
	own->failing_since = 0;
	own->told = 0;
	own->refused[0] = '\0';
	log_write(own->log, LOG_LEVEL_INFO, "this node's Node was annotated", NULL);
}

bool own_annotations_ended(struct own_annotations *own, const struct transport *transport,
			   const struct transport_end *end)
{
	struct cni_error err = {};

	if (patch_end_judge(end, own->rights, &err) == 0) {
		taken(own);
		return true;
	}
	if (end->status == 403)
		snprintf(own->refused, sizeof(own->refused), "%.*s",
			 (int)sizeof(own->refused) - 1, err.msg);
	failed(own, transport, &err);
	return false;
}
