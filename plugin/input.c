/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads no more than the longest configuration that is allowed. */
#include "input.h"

#include <errno.h>

#include "conf/json/json_scan.h"

int input_read(int fd, const char *from, char **ret_text, size_t *ret_len,
	       struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	size_t size = 0, len = 0;

	for (;;) {
		ssize_t got;

		if (len == size) {
			char *grown = realloc(text, size = size ? 4 * size : 16384);

			if (!grown)
				return error_oom(err);
			text = grown;
		}
		got = read(fd, text + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(err, CNI_ERR_IO, errno,
					   "reading the configuration from %s", from);
		if (got == 0)
			break;
		len += got;
		if (len > JSON_TEXT_MAX)
			return error_set(
				err, CNI_ERR_JSON, EFBIG,
				"the configuration on %s is longer than %d bytes", from,
				JSON_TEXT_MAX);
	}
	*ret_text = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}
