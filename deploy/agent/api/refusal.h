/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an answer of the API server that isn't 200 means. */
#ifndef BRIDGE_CNI_AGENT_API_REFUSAL_H
#define BRIDGE_CNI_AGENT_API_REFUSAL_H

#include "transport.h"

/* Returns -EACCES, with code 11 and what helps in @err, and the server's words in its
 * details. */
int refusal_error(const struct transport_end *end, struct cni_error *err);

#endif
