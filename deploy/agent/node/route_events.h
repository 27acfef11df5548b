/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's word that routes may be others than they were, so that they are read again
 * only then: with 5,000 nodes a look is 5,000 routes. */
#ifndef BRIDGE_CNI_AGENT_ROUTE_EVENTS_H
#define BRIDGE_CNI_AGENT_ROUTE_EVENTS_H

#include <stdbool.h>

#include "conf/base/error.h"

/* A socket of this network namespace; readable when something was said. Code 101. */
int events_open(int *ret_fd, struct cni_error *err);

/*
 * Takes all that has been said. True: a route of the main table that isn't link-local came or
 * went, an address or an interface other than a veth did, or so much happened that some of
 * it was lost. Routes of ours count only when they go.
 */
bool events_take(int fd);

#endif
