/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files by which agent and API server know each other: the service account's token,
 * and the cluster's CA. */
#ifndef BRIDGE_CNI_AGENT_API_CREDENTIALS_H
#define BRIDGE_CNI_AGENT_API_CREDENTIALS_H

#include "conf/base/error.h"

/*
 * Gives "Authorization: Bearer …" with the token as the file has it now: the kubelet puts
 * a new one there before one expires. The caller wipes and frees it. Codes 5: it is no
 * regular file, missing, empty or too long; 100.
 */
int credentials_bearer(const char *token_file, char **ret_header, struct cni_error *err);

/* libcurl opens the CA's file by its name, and would wait for whoever writes to a FIFO.
 * Codes 5: it is no regular file, or is missing; 100. */
int credentials_ca_check(const char *ca_file, struct cni_error *err);

#endif
