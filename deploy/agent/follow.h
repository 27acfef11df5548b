/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has routes to other nodes, the tunnels that they lead by, and the tunnels' guard follow the
 * node table. */
#ifndef BRIDGE_CNI_AGENT_FOLLOW_H
#define BRIDGE_CNI_AGENT_FOLLOW_H

#include "state.h"

/* Keeps the guard right. Where the nodes have changed, that is done together with the
 * routes. */
void follow_guard(struct agent *agent);

/* Makes the routes follow the nodes, which are all known. */
void follow_routes(struct agent *agent);

#endif
