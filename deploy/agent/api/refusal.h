/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The API server's refusals: an answer whose status isn't 200 becomes an error. */
#ifndef BRIDGE_CNI_AGENT_API_REFUSAL_H
#define BRIDGE_CNI_AGENT_API_REFUSAL_H

#include "transport.h"

/* Returns -EACCES, with code 11 and what helps in @err, and the server's words in its
 * details. */
int refusal_error(const struct transport_end *end, struct cni_error *err);

#endif
