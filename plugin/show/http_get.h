/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks a server on 127.0.0.1 for a page. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_HTTP_GET_H
#define BRIDGE_CNI_PLUGIN_SHOW_HTTP_GET_H

#include <stdint.h>

#define HTTP_PAGE_MAX 4194304 /* bytes, with the header */

/*
 * Gives the status of the page and its text, which the caller frees, until @deadline_ms
 * (now_ms()). -errno: nobody is there (ECONNREFUSED), or no answer came that is one
 * (EBADMSG), in time (ETIMEDOUT; EHOSTUNREACH where not even the connection was made).
 */
int http_get(uint16_t port, const char *path, int64_t deadline_ms, int *ret_status,
	     char **ret_text);

#endif
