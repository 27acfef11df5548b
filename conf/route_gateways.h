/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks the gateways of the routes that a configuration has. */
#ifndef BRIDGE_CNI_CONF_ROUTE_GATEWAYS_H
#define BRIDGE_CNI_CONF_ROUTE_GATEWAYS_H

struct findings;
struct request;

/*
 * Finds routes of ipam.routes that the kernel will refuse at ADD because their gateway is
 * in no subnet of the network, and routes that ADD leaves out as the network has no
 * addresses of their family. @request: of validate, read without an error. ADD itself
 * leaves the judgement to the kernel.
 */
void route_gateways_check(const struct request *request, struct findings *findings);

#endif
