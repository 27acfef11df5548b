/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel parameter accept_ra of the node's interfaces. A router advertisement of a
 * pod must not give the node a route (CVE-2020-10749), so it is off on each interface
 * that frames of pods reach.
 */
#ifndef BRIDGE_CNI_PLUGIN_NODE_ACCEPT_RA_H
#define BRIDGE_CNI_PLUGIN_NODE_ACCEPT_RA_H

#include "plugin/netlink/link.h"

/* Is accept_ra off? Also true where it need not be off, and can't be turned off. */
bool accept_ra_is_off(const struct link *link);

/* Turns accept_ra off. That it can't be written is an error only where @link would take
 * router advertisements. Code 5. */
int accept_ra_off(const struct link *link, struct cni_error *err);

/*
 * STATUS: fails where an interface that isn't there yet would take router advertisements,
 * and accept_ra could not be turned off for it. Code 50; 5 where parameters can't be
 * read.
 */
int accept_ra_status(struct cni_error *err);

#endif
