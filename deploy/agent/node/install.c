/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decides which version of the plugin the node is to have, and installs it where the node
 * has another. */
#include "install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/identity.h"
#include "deploy/agent/base/file_tree.h"
#include "deploy/agent/base/files.h"

#define VERSIONS_DIR ".bridge-cni"
#define ASIDE	     ".new"
#define PROGRAM	     "bridge-cni"

/* The paths that are worked on. */
struct places {
	char versions[PATH_MAX]; /* the directory with all versions */
	char version[PATH_MAX]; /* in it, the directory of the bundle's version */
	char link[PATH_MAX]; /* the link that runtimes start */
	char link_text[PATH_MAX]; /* where the link is to lead, from its own directory */
};

static int places_set(const struct install *install, struct places *places,
		      struct cni_error *err)
{
	int ret = path_join(places->versions, install->plugin_dir, VERSIONS_DIR, err);

	if (ret == 0)
		ret = path_join(places->version, places->versions, install->version, err);
	if (ret == 0)
		ret = path_join(places->link, install->plugin_dir, PROGRAM, err);
	if (ret < 0)
		return ret;
	snprintf(places->link_text, PATH_MAX, VERSIONS_DIR "/%s/" PROGRAM,
		 install->version);
	return 0;
}

/* Makes the version's directory, whole. One that is there under its name was damaged: it
 * is exchanged for the new one, then removed. */
static int put_version(const struct install *install, const struct places *places,
		       struct cni_error *err)
{
	const char *version = places->version;
	char aside[PATH_MAX];
	uint64_t copied;
	int ret = path_join(aside, places->versions, ASIDE, err);

	if (ret == 0)
		ret = tree_remove(aside, err);
	if (ret == 0 && mkdir(aside, 0755) < 0)
		ret = error_errno(err, CNI_ERR_IO, errno, "making %s", aside);
	if (ret == 0)
		ret = tree_copy(install->bundle, aside, err);
	if (ret == 0)
		ret = tree_hash(aside, TREE_BY_CONTENT, &copied, err);
	if (ret == 0 && copied != install->bundle_content)
		ret = error_set(err, CNI_ERR_TRY_AGAIN, EAGAIN,
				"%s changed while it was copied", install->bundle);
	if (ret == 0)
		ret = dir_sync(aside, err);
	if (ret == 0 &&
	    renameat2(AT_FDCWD, aside, AT_FDCWD, version, RENAME_EXCHANGE) == 0)
		ret = tree_remove(aside, err);
	else if (ret == 0 && rename(aside, version) < 0)
		ret = error_errno(err, CNI_ERR_IO, errno, "renaming %s to %s", aside,
				  version);
	return ret < 0 ? ret : dir_sync(places->versions, err);
}

static int put_link(const struct install *install, const struct places *places,
		    struct cni_error *err)
{
	char aside[PATH_MAX];
	int ret = path_join(aside, install->plugin_dir, "." PROGRAM ASIDE, err);

	if (ret < 0)
		return ret;
	if (unlink(aside) < 0 && errno != ENOENT)
		return error_errno(err, CNI_ERR_IO, errno, "removing %s", aside);
	if (symlink(places->link_text, aside) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "making %s", aside);
	if (rename(aside, places->link) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "renaming %s to %s", aside,
				   places->link);
	return dir_sync(install->plugin_dir, err);
}

/* The two versions that stay. */
struct kept {
	const char *now;
	char before[PATH_MAX]; /* where the link led until now */
};

/* Whether a name is one that an agent has made up: VERSION-HASH, of @len bytes. */
static bool is_agents(const char *name, size_t len)
{
	size_t hash = 16; /* digits */

	return len > hash + 1 && name[len - hash - 1] == '-' &&
	       strspn(name + len - hash, "0123456789abcdef") == hash;
}

/* Whether an agent or `make install-bundle` (make-VERSION-XXXXXX) made the name up. */
static bool is_version(const char *name)
{
	return (strncmp(name, "make-", 5) == 0 && name[5]) ||
	       is_agents(name, strlen(name));
}

static int remove_older(const char *path, const char *name, void *data,
			struct cni_error *err)
{
	const struct kept *kept = data;
	const char *before = strstr(kept->before, name);

	if (!is_version(name) || strcmp(name, kept->now) == 0 ||
	    (before && before > kept->before && before[-1] == '/' &&
	     before[strlen(name)] == '/'))
		return 0;
	return tree_remove(path, err);
}

/* Whether @path is a directory, and no link to one: what is in it would be removed. */
static bool is_directory(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int put(const struct install *install, const struct places *places,
	       struct cni_error *err)
{
	struct kept kept = {.now = install->version};
	uint64_t present = 0;
	bool right;
	int ret = 0;

	if (mkdir(places->versions, 0755) < 0 && errno != EEXIST)
		return error_errno(err, CNI_ERR_IO, errno, "making %s", places->versions);
	if (!is_directory(places->versions))
		return error_set(err, CNI_ERR_IO, ENOTDIR,
				 "%s is no directory, or a link to one: remove it",
				 places->versions);
	right = is_directory(places->version) &&
		tree_hash(places->version, TREE_BY_CONTENT, &present, NULL) == 0 &&
		present == install->bundle_content;
	if (!right)
		ret = put_version(install, places, err);
	if (ret < 0)
		return ret;
	if (readlink(places->link, kept.before, sizeof(kept.before) - 1) >= 0 &&
	    strcmp(kept.before, places->link_text) == 0)
		return right ? 0 : INSTALL_DONE;
	ret = put_link(install, places, err);
	if (ret == 0)
		ret = tree_each(places->versions, remove_older, &kept, err);
	return ret < 0 ? ret : INSTALL_DONE;
}

/* A number that is another one once somebody has touched the link or a file behind it; 0:
 * something isn't there. */
static uint64_t installed_stat(const struct places *places)
{
	char text[PATH_MAX] = "";
	uint64_t hash;

	if (tree_hash(places->version, TREE_BY_STAT, &hash, NULL) < 0 ||
	    readlink(places->link, text, sizeof(text) - 1) < 0)
		return 0;
	return hash_more(hash, text, strlen(text));
}

/* The bundle is looked at each time: a package may upgrade it while the agent runs. */
static int read_bundle(struct install *install, struct cni_error *err)
{
	uint64_t seen;
	int ret = tree_hash(install->bundle, TREE_BY_STAT, &seen, err);

	if (ret < 0 || seen == install->bundle_stat)
		return ret;
	ret = tree_hash(install->bundle, TREE_BY_CONTENT, &install->bundle_content, err);
	if (ret < 0)
		return ret;
	snprintf(install->version, sizeof(install->version), "%s-%016llx",
		 BRIDGE_CNI_VERSION, (unsigned long long)install->bundle_content);
	install->bundle_stat = seen;
	install->installed_stat = 0;
	return 0;
}

/* Whether both directories are one: a package has put the plugin where it is started. */
static bool is_in_place(const struct install *install)
{
	struct stat bundle, plugins;

	return stat(install->bundle, &bundle) == 0 &&
	       stat(install->plugin_dir, &plugins) == 0 &&
	       bundle.st_dev == plugins.st_dev && bundle.st_ino == plugins.st_ino;
}

static int program_check(const char *directory, struct cni_error *err)
{
	char program[PATH_MAX];
	int ret = path_join(program, directory, PROGRAM, err);

	if (ret == 0 && access(program, X_OK) < 0)
		ret = error_errno(err, CNI_ERR_IO, errno, "%s", program);
	return ret;
}

int install_ensure(struct install *install, struct cni_error *err)
{
	struct places places;
	int ret;

	if (is_in_place(install))
		return program_check(install->plugin_dir, err);
	ret = read_bundle(install, err);
	if (ret == 0)
		ret = places_set(install, &places, err);
	if (ret < 0 || (install->installed_stat &&
			installed_stat(&places) == install->installed_stat))
		return ret;
	ret = put(install, &places, err);
	if (ret >= 0)
		install->installed_stat = installed_stat(&places);
	else if (ret == -EAGAIN)
		install->bundle_stat =
			0; /* the bundle changed meanwhile: read it again */
	return ret;
}

static int remove_agents(const char *path, const char *name, void *data,
			 struct cni_error *err)
{
	(void)data;
	return is_agents(name, strlen(name)) || strcmp(name, ASIDE) == 0
		       ? tree_remove(path, err)
		       : 0;
}

/* Does the link lead into a directory that an agent has made? */
static bool is_agents_link(const char *link)
{
	static const char begin[] = VERSIONS_DIR "/", end[] = "/" PROGRAM;
	char text[PATH_MAX] = "";
	const char *name = text + strlen(begin), *slash;

	if (readlink(link, text, sizeof(text) - 1) < 0 ||
	    strncmp(text, begin, strlen(begin)) != 0)
		return false;
	slash = strchr(name, '/');
	return slash && strcmp(slash, end) == 0 &&
	       is_agents(name, (size_t)(slash - name));
}

bool install_is_agents(const char *plugin_dir)
{
	char link[PATH_MAX];

	return path_join(link, plugin_dir, PROGRAM, NULL) == 0 && is_agents_link(link);
}

int install_remove(const char *plugin_dir, struct cni_error *err)
{
	char versions[PATH_MAX], link[PATH_MAX], aside[PATH_MAX];
	int ret = path_join(versions, plugin_dir, VERSIONS_DIR, err);

	if (ret == 0)
		ret = path_join(link, plugin_dir, PROGRAM, err);
	if (ret == 0)
		ret = path_join(aside, plugin_dir, "." PROGRAM ASIDE, err);
	if (ret < 0)
		return ret;
	if ((is_agents_link(aside) && unlink(aside) < 0) ||
	    (is_agents_link(link) && unlink(link) < 0))
		return error_errno(err, CNI_ERR_IO, errno, "removing %s", link);
	if (!is_directory(versions))
		return 0;
	ret = tree_each(versions, remove_agents, NULL, err);
	if (ret == 0 && rmdir(versions) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		ret = error_errno(err, CNI_ERR_IO, errno, "removing %s", versions);
	return ret < 0 ? ret : dir_sync(plugin_dir, err);
}
