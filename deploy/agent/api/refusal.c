/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says for each status what most probably is the reason. */
#include "refusal.h"

#include <errno.h>

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
	error_set(err, CNI_ERR_TRY_AGAIN, EACCES, "%s: HTTP status %ld", hint,
		  end->status);
	error_details(err, "%s", end->refusal);
	return -EACCES;
}
