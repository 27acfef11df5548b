/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks whether the subnets of a configuration are ones that pods can have. */
#ifndef BRIDGE_CNI_CONF_RANGE_KINDS_H
#define BRIDGE_CNI_CONF_RANGE_KINDS_H

struct findings;
struct request;

/*
 * Finds ranges of host-local that have addresses which no pod can have: of multicast, of
 * 0.0.0.0/8 and of the loopback. @request: of validate, read without an error. ADD leaves
 * the judgement to the kernel: it refuses most of them, or sends no packet with them.
 */
void range_kinds_check(const struct request *request, struct findings *findings);

#endif
