/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says for each status what most probably is the reason. */
#include "refusal.h"

#include <errno.h>
#include <stdio.h>

static int refused(const struct transport_end *end, const char *hint,
		   struct cni_error *err)
{
	error_set(err, CNI_ERR_TRY_AGAIN, EACCES, "%s: HTTP status %ld", hint,
		  end->status);
	error_details(err, "%s", end->refusal);
	return -EACCES;
}

int refusal_error(const struct transport_end *end, struct cni_error *err)
{
	static const struct {
		long status;
		const char *hint;
	} hints[] = {
		{401, "the service account's token isn't accepted"},
		{403, "the ClusterRole must allow get, list and watch of nodes"},
		{400, "the request or its resource version isn't understood"},
		{410, "the resource version is too old"},
	};
	const char *hint = "the API server refuses";

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].status == end->status)
			hint = hints[i].hint;
	return refused(end, hint, err);
}

int patch_end_judge(const struct transport_end *end, const char *rights,
		    struct cni_error *err)
{
	char hint[256] = "the API server refuses to annotate this node's Node";

	if (end->status == 401)
		return refusal_error(end, err);
	if (end->status == 403)
		snprintf(hint, sizeof(hint),
			 "the service account may not patch this node's Node, which %s "
			 "allows",
			 rights);
	if (end->status && end->status != 200)
		return refused(end, hint, err);
	if (end->error)
		return error_set(err, CNI_ERR_IO, EIO, "%s", end->error);
	return 0;
}
