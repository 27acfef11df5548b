/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives a transport of its own until the answer is there. */
#include "annotate_once.h"

#include <assert.h>
#include <errno.h>

#include "annotation_patch.h"
#include "conf/base/clock.h"
#include "node_paths.h"
#include "refusal.h"

#define WAIT_MS 1000

static void head_ignore(long status, void *data)
{
	(void)status;
	(void)data;
}

static int body_ignore(const char *bytes, size_t len, void *data)
{
	(void)bytes;
	(void)len;
	(void)data;
	return 0;
}

/* The server's name may have to be asked for first, which a request's own limit of time
 * doesn't end in each version of libcurl. */
static int wait_for_end(struct transport *transport, struct transport_end *ret_end,
			struct cni_error *err)
{
	int64_t until = now_ms() + (PATCH_SECONDS + 1) * 1000;

	while (now_ms() < until)
		if (transport_wait(transport, NULL, 0, WAIT_MS, ret_end))
			return 0;
	transport_abandon(transport);
	return error_set(err, CNI_ERR_IO, ETIMEDOUT, "no answer for %d seconds",
			 PATCH_SECONDS);
}

static int patch(const struct transport_spec *spec, const char *node, const char *body,
		 const char *rights, struct cni_error *err)
{
	static const struct transport_limits limits = {.max_seconds = PATCH_SECONDS};
	static const struct transport_receiver receiver = {.head = head_ignore,
							   .body = body_ignore};
	_cleanup_(transport_closep) struct transport *transport = NULL;
	struct transport_end end = {};
	char path[NODE_PATH_SIZE];
	int ret = node_path(node, path, err);

	if (ret == 0)
		ret = transport_open(spec, &receiver, &transport, err);
	if (ret == 0)
		ret = transport_start(transport, path, body, &limits, err);
	if (ret == 0)
		ret = wait_for_end(transport, &end, err);
	if (ret < 0)
		return ret;
	return end.status == 404 ? 0 : patch_end_judge(&end, rights, err);
}

bool annotations_remove(const struct transport_spec *spec, const char *node,
			const struct annotation_names *names, const char *patch_rights,
			const struct log *log)
{
	struct annotation_wish wishes[ANNOTATION_NAMES_MAX] = {};
	_cleanup_(free_p) char *body = NULL;
	struct cni_error err = {};
	int ret;

	assert(names->n <= ANNOTATION_NAMES_MAX);
	for (size_t i = 0; i < names->n; i++)
		wishes[i].name = names->items[i];
	body = annotation_patch(wishes, names->n);
	if (!spec->server[0] || !node[0])
		ret = error_set(&err, CNI_ERR_ENVIRONMENT, EINVAL,
				"the API server's address or the node's name is not "
				"given");
	else
		ret = body ? patch(spec, node, body, patch_rights, &err)
			   : error_oom(&err);
	if (ret < 0)
		log_error_at(log, LOG_LEVEL_WARN,
			     "annotations of this node's Node may be left", &err);
	return ret == 0;
}
