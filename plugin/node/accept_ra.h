/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Router advertisements of a pod must not give the node a route (CVE-2020-10749): for
 * each interface of the node that pods' frames reach. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_ACCEPT_RA_H
#define BRIDGE_CNI_PLUGIN_NODE_ACCEPT_RA_H

#include "plugin/netlink/link.h"

/* Nothing is left to do: it is off, or needn't be and can't be turned off. */
bool accept_ra_is_off(const struct link *link);

/* Turns it off. That it can't be written is an error only where @link would take one.
 * Code 5. */
int accept_ra_off(const struct link *link, struct cni_error *err);

/* STATUS: can it be turned off for an interface that isn't there yet, or needn't it be?
 * Code 50. */
int accept_ra_status(struct cni_error *err);

#endif
