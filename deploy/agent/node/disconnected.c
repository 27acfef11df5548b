/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of the file is a pod's name, a tab, and the path of its namespace. */
#include "disconnected.h"

#include <string.h>

#include "attachment_life.h"
#include "deploy/agent/base/files.h"
#include "plugin/node/node.h"

#define DIR_PATH  NODE_LOCK_DIR
#define FILE_NAME "disconnected"

/* Reads the file; *@ret_text, which the caller frees, is NULL where there is none. */
static int lines_read(char **ret_text, struct cni_error *err)
{
	size_t len;
	int ret;

	*ret_text = NULL;
	ret = file_read(DIR_PATH "/" FILE_NAME, ret_text, &len, err);
	return ret == FILE_ABSENT ? 0 : ret;
}

int disconnected_add(const char *name, const char *netns, struct cni_error *err)
{
	_cleanup_(free_p) char *before = NULL;
	struct text lines = {}, line = {};
	int ret = lines_read(&before, err);

	if (ret < 0)
		return ret;
	/* A pod of an odd name, such as none that Kubernetes gives, is not waited for. */
	if (strpbrk(name, "\t\n") || strchr(netns, '\n'))
		return 0;
	text_add(&line, "%s\t%s\n", name, netns);
	text_add(&lines, "%s", before ? before : "");
	if (line.text && !(before && strstr(before, line.text)))
		text_append(&lines, &line);
	ret = line.failed || lines.failed
		      ? error_oom(err)
		      : file_replace(DIR_PATH, FILE_NAME, lines.text, err);
	free(line.text);
	free(lines.text);
	return ret;
}

int disconnected_find(struct pod_names *pods, struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	char *rest = NULL;
	int ret = lines_read(&text, err);

	if (ret < 0 || !text)
		return ret;
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *netns = strchr(line, '\t');

		if (!netns)
			continue;
		*netns++ = '\0';
		if (is_namespace(netns))
			pod_names_add(pods, line);
	}
	return 0;
}

int disconnected_forget(struct cni_error *err)
{
	int ret = file_remove(DIR_PATH, FILE_NAME, err);

	return ret < 0 ? ret : 0;
}
