/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The syntax of names of DNS, which Kubernetes has its objects follow. */
#ifndef BRIDGE_CNI_AGENT_BASE_DNS_NAME_H
#define BRIDGE_CNI_AGENT_BASE_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define DNS_SUBDOMAIN_MAX 253 /* bytes */

/* Are the first @len bytes a DNS subdomain (RFC 1123): labels of lower case letters,
 * digits and "-", with dots between them? */
bool dns_subdomain_valid(const char *text, size_t len);

#endif
