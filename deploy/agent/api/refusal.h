/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The API server's refusals: an answer whose status isn't 200 becomes an error. */
#ifndef BRIDGE_CNI_AGENT_API_REFUSAL_H
#define BRIDGE_CNI_AGENT_API_REFUSAL_H

#include "transport.h"

/* Returns -EACCES, with code 11 and what helps in @err, and the server's words in its
 * details. */
int refusal_error(const struct transport_end *end, struct cni_error *err);

/* Gives 0 where a patch of the own Node was taken. Else an error: that of a refusal, or
 * code 5, what became of the connection. @rights: the manifest that allows the patch. */
int patch_end_judge(const struct transport_end *end, const char *rights,
		    struct cni_error *err);

#endif
