/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes links where they are missing, and decides when they may go. */
#include "plugin_links.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "attachment_life.h"
#include "conf_dir.h"
#include "deploy/agent/base/file_tree.h"
#include "plugin/name_links.h"

#define NETNS_DIR "/run/netns"

static void tell_taken(struct plugin_links *links, int place)
{
	if (links->taken & 1u << place)
		return;
	links->taken |= 1u << place;
	log_write(links->log, LOG_LEVEL_INFO,
		  "a plugin of somebody else has the name of a link; it is left alone",
		  "plugin", cni_names[place], "directory", links->options->bin_dir, NULL);
}

void plugin_links_ensure(struct plugin_links *links)
{
	const char *bin_dir = links->options->bin_dir;
	struct cni_error err = {};
	int ret = 0;

	for (int i = 0; ret >= 0 && i < CNI_NAMES; i++) {
		if (!(links->options->links & 1u << i))
			continue;
		ret = name_link_make(bin_dir, cni_names[i], &err);
		if (ret == NAME_LINK_TAKEN)
			tell_taken(links, i);
		else if (ret >= 0)
			links->taken &= ~(1u << i);
		if (ret == NAME_LINK_DONE)
			log_write(links->log, LOG_LEVEL_INFO, "link made", "link",
				  cni_names[i], "directory", bin_dir, NULL);
	}
	if (ret < 0)
		log_error_once(links->log, &links->error, "making a link has failed",
			       &err);
	else
		links->error = 0;
}

static int take_namespace(const char *path, const char *name, void *by,
			  struct cni_error *err)
{
	char *ret_by = by;

	(void)name;
	(void)err;
	if (!ret_by[0] && is_namespace(path))
		snprintf(ret_by, PATH_MAX, "the network namespace %s", path);
	return 0;
}

int plugin_links_needed(const struct options *options, char ret_by[PATH_MAX],
			struct cni_error *err)
{
	char first[NAME_MAX + 1];
	bool have_link = false;

	ret_by[0] = '\0';
	for (int i = 0; i < CNI_NAMES; i++)
		have_link |= name_link_is_there(options->bin_dir, cni_names[i]);
	if (!have_link)
		return 0;
	if (conf_dir_count(options->conf_dir, NULL, first) > 0) {
		snprintf(ret_by, PATH_MAX, "the configuration %s", first);
		return 0;
	}
	if (access(NETNS_DIR, F_OK) < 0 && errno == ENOENT)
		return 0;
	return tree_each(NETNS_DIR, take_namespace, ret_by, err);
}

int plugin_links_remove(const char *bin_dir, struct cni_error *err)
{
	int ret = 0;

	for (int i = 0; ret >= 0 && i < CNI_NAMES; i++)
		ret = name_link_remove(bin_dir, cni_names[i], err);
	return ret < 0 ? ret : 0;
}
