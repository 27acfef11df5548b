/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "links.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "each_network.h"
#include "name_links.h"
#include "say.h"

#define OTHER_DIR                                                             \
	"name the directory in which the runtime looks by --bin-dir DIR (of " \
	"Debian's containerd it is /usr/lib/cni)"

/* "bridge, host-local and loopback", those that are asked for. */
static void names_text(const bool asked[CNI_NAMES], char *text, size_t size)
{
	size_t len = 0, left = 0;

	for (int i = 0; i < CNI_NAMES; i++)
		left += asked[i];
	for (int i = 0; i < CNI_NAMES && len < size; i++) {
		if (!asked[i])
			continue;
		left--;
		len += snprintf(text + len, size - len, "%s%s", cni_names[i],
				left > 1    ? ", "
				: left == 1 ? " and "
					    : "");
	}
}

/* Can links be made there? If not, this says why, once for all names. */
static bool is_ready(const char *dir, const bool asked[CNI_NAMES])
{
	char names[64] = "", executable[PATH_MAX];
	struct stat st;
	bool there = stat(dir, &st) == 0;

	if (!there || !S_ISDIR(st.st_mode)) {
		say("the plugin directory %s: %s; make it (mkdir -p) and install "
		    "bridge-cni there, or " OTHER_DIR,
		    dir, strerror(there ? ENOTDIR : errno));
		return false;
	}
	snprintf(executable, sizeof(executable), "%s/" TYPE, dir);
	if (stat(executable, &st) < 0) {
		names_text(asked, names, sizeof(names));
		say("%s, to which %s would lead: %s; install bridge-cni there first, "
		    "or " OTHER_DIR,
		    executable, names, strerror(errno));
		return false;
	}
	return true;
}

/* Returns whether the executable has the name now. */
static bool link_run(const char *dir, const char *name)
{
	struct cni_error err = {};
	int ret = name_link_make(dir, name, &err);

	if (ret < 0)
		say_error(NULL, &err);
	else if (ret == NAME_LINK_TAKEN)
		say("%s/%s is somebody else's, and is left alone", dir, name);
	else
		printf("%s/%s: %s\n", dir, name,
		       ret == NAME_LINK_DONE ? "made" : "there already");
	return ret >= 0 && ret != NAME_LINK_TAKEN;
}

int links_run(const struct command *command, char **names)
{
	const char *dir = command->bin_dir ? command->bin_dir : BIN_DIR;
	bool asked[CNI_NAMES] = {}, failed = false;

	/* A plugin of the node's may come to have the name of a switch: such a link is
	 * made where it is asked for. */
	for (int i = 0; i < PROGRAMS; i++)
		asked[i] = !*names;
	for (; *names; names++) {
		int place;

		if (name_link_find(*names, strlen(*names), &place))
			asked[place] = true;
	}
	if (!is_ready(dir, asked))
		return 1;
	for (int i = 0; i < CNI_NAMES; i++)
		failed |= asked[i] && !link_run(dir, cni_names[i]);
	return failed;
}
