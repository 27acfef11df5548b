/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a configuration as a whole, from standard input or a file. */
#ifndef BRIDGE_CNI_PLUGIN_INPUT_H
#define BRIDGE_CNI_PLUGIN_INPUT_H

#include "conf/base/error.h"

/* Reads all of @fd, at most JSON_TEXT_MAX bytes. The caller frees the text. @from: the
 * name of @fd for errors. Code 5; 6 where the text is longer. */
int input_read(int fd, const char *from, char **ret_text, size_t *ret_len,
	       struct cni_error *err);

#endif
