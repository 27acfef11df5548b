/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each of the files has to be a regular one: a FIFO isn't waited for. */
#include "credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/base/files.h"

#define TOKEN_MAX 16384

static int text_read(const char *path, char **ret_text, struct cni_error *err)
{
	size_t len;
	int ret = file_read(path, ret_text, &len, err);

	return ret == FILE_ABSENT
		       ? error_errno(err, CNI_ERR_IO, ENOENT, "reading %s", path)
		       : ret;
}

int credentials_bearer(const char *token_file, char **ret_header, struct cni_error *err)
{
	_cleanup_(free_p) char *token = NULL;
	int ret = text_read(token_file, &token, err);

	if (ret < 0)
		return ret;
	token[strcspn(token, "\r\n")] = '\0';
	if (!token[0] || strlen(token) >= TOKEN_MAX)
		return error_set(err, CNI_ERR_IO, EINVAL,
				 "%s is empty or longer than %d bytes, expected a token",
				 token_file, TOKEN_MAX - 1);
	ret = asprintf(ret_header, "Authorization: Bearer %s", token);
	explicit_bzero(token, strlen(token));
	return ret < 0 ? error_oom(err) : 0;
}

int credentials_file_check(const char *file, struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	int ret = file ? text_read(file, &text, err) : 0;

	if (text)
		explicit_bzero(text, strlen(text));
	return ret;
}
