/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks the gateways of range sets. */
#ifndef BRIDGE_CNI_CONF_RANGE_GATEWAYS_H
#define BRIDGE_CNI_CONF_RANGE_GATEWAYS_H

#include <stdbool.h>

#include "conf/base/error.h"
#include "ipam_conf.h"

/*
 * Refuses a gateway outside its subnet that pods have to reach: as it is the bridge's
 * (@is_gateway), or a route of @ipam leads through it. Others are allowed, as with
 * host-local. Code 7.
 */
int range_gateways_check(const struct ipam_conf *ipam, bool is_gateway,
			 struct cni_error *err);

#endif
