/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files by which agent and API server know each other: a token, the cluster's CA, a
 * client's certificate and key. */
#ifndef BRIDGE_CNI_AGENT_API_CREDENTIALS_H
#define BRIDGE_CNI_AGENT_API_CREDENTIALS_H

#include "conf/base/error.h"

/*
 * Gives "Authorization: Bearer …" with the token as the file has it now: the kubelet puts
 * a new one there before one expires. The caller wipes and frees it. Codes 5: it is no
 * regular file, missing, empty or too long; 100.
 */
int credentials_bearer(const char *token_file, char **ret_header, struct cni_error *err);

/* libcurl opens files of certificates and keys by their names, and would wait for whoever writes
 * to a FIFO. NULL is right, too. Codes 5: it is no regular file, or is missing; 100. */
int credentials_file_check(const char *file, struct cni_error *err);

#endif
