/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file is judged where it has another text than the last time, and where the node has
 * other podCIDRs. */
#include "template_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/identity.h"
#include "deploy/agent/base/files.h"

void template_file_clear(struct template_file *file)
{
	conflist_template_clear(&file->template);
	network_names_clear(&file->names);
}

/* The list is made as it will be when the node has changed to the template's podLink. */
static int try_list(const struct conflist_template *template,
		    const struct conflist_spec *spec, struct notices *notices,
		    struct conflist *ret_list, struct cni_error *err)
{
	struct conflist_kept kept = *spec->kept;
	struct conflist_spec tried = *spec;

	if (template->routed != OPTION_UNSET)
		kept.routed = template->routed == OPTION_YES;
	tried.kept = &kept;
	tried.template = template;
	return conflist_make(&tried, notices, ret_list, err);
}

/* A runtime may look for plugins elsewhere, too, so that this is no error. */
static void tell_missing(const struct template_file *file)
{
	const struct conflist_template *template = &file->template;
	const char *dir = file->options->bin_dir;

	for (size_t i = 1; i < template->plugins.n; i++) {
		const char *type = template->plugins.items[i].type;
		char path[PATH_MAX];
		struct stat st;

		/* On the host a link may lead somewhere that isn't mounted here. */
		if (path_join(path, dir, type, NULL) < 0 || lstat(path, &st) < 0)
			log_write(file->log, LOG_LEVEL_WARN,
				  "a plugin of the template isn't in the plugin "
				  "directory: no pod starts unless the runtime finds it "
				  "elsewhere",
				  "plugin", type, "directory", dir, NULL);
	}
}

static void tell_notices(const struct template_file *file, char *notices)
{
	char *rest = NULL;

	for (char *line = strtok_r(notices, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		log_write(file->log, LOG_LEVEL_WARN, "a key of the template does nothing",
			  "key", line, NULL);
}

static void tell_used(const struct template_file *file, char *notices)
{
	log_write(file->log, LOG_LEVEL_INFO, "the template is used", "file",
		  file->options->conflist_template, NULL);
	if (notices)
		tell_notices(file, notices);
	tell_missing(file);
}

static int take(struct template_file *file, const char *text, size_t len,
		const struct conflist_spec *spec, struct cni_error *err)
{
	_cleanup_(conflist_template_clear) struct conflist_template template = {};
	_cleanup_(conflist_clear) struct conflist list = {};
	_cleanup_(notices_clear) struct notices notices = {};
	int ret = conflist_template_read(text, len, &template, err);

	if (ret == 0)
		ret = try_list(&template, spec, &notices, &list, err);
	if (ret < 0)
		return ret;
	template_file_clear(file);
	file->template = template;
	template = (struct conflist_template){};
	file->names = list.names;
	list.names = (struct network_names){};
	if (hash_bytes(text, len) != file->used)
		tell_used(file, notices.text);
	file->used = hash_bytes(text, len);
	return 0;
}

static int take_none(struct template_file *file, struct cni_error *err)
{
	const struct options *options = file->options;
	int ret = network_names_set(&file->names, options->network, options->bridge,
				    options->data_dir, err);

	if (ret < 0)
		return ret;
	if (file->template.doc)
		log_write(file->log, LOG_LEVEL_WARN,
			  "the template is gone: the configuration follows from the "
			  "options again",
			  "file", options->conflist_template, NULL);
	else if (options->conflist_template[0] && !file->absence_told)
		log_write(file->log, LOG_LEVEL_INFO, "there is no template", "file",
			  options->conflist_template, NULL);
	conflist_template_clear(&file->template);
	file->used = 0;
	file->absence_told = true;
	return 0;
}

/* Reads the file. @ret_hash tells one outcome from another. */
static int read_file(const struct template_file *file, char **ret_text, size_t *ret_len,
		     uint64_t *ret_hash, struct cni_error *err)
{
	const char *path = file->options->conflist_template;
	int ret = path[0] ? file_read(path, ret_text, ret_len, err) : FILE_ABSENT;

	*ret_hash = hash_text(ret < 0 ? "error" : ret == 0 ? "file" : "none");
	if (ret == 0)
		*ret_hash = hash_more(*ret_hash, *ret_text, *ret_len);
	if (ret < 0)
		*ret_hash = hash_more(*ret_hash, err->msg, strlen(err->msg));
	return ret;
}

bool template_file_look(struct template_file *file, const struct conflist_spec *spec)
{
	_cleanup_(free_p) char *text = NULL;
	struct cni_error err = {};
	uint64_t hash;
	size_t len;
	int ret = read_file(file, &text, &len, &hash, &err);

	hash = hash_more(hash, spec->own->cidrs, sizeof(spec->own->cidrs));
	if (hash == file->seen)
		return false;
	file->seen = hash;
	file->absence_told &= ret == FILE_ABSENT;
	if (ret == 0)
		ret = take(file, text, len, spec, &err);
	else if (ret == FILE_ABSENT)
		ret = take_none(file, &err);
	if (ret < 0) {
		error_wrap(&err, "%s", file->options->conflist_template);
		snprintf(file->wrong, sizeof(file->wrong), "%s", err.msg);
		log_error(file->log,
			  "the template is wrong, and the configuration stays as it is",
			  &err);
		return false;
	}
	file->settled = true;
	file->wrong[0] = '\0';
	return true;
}
