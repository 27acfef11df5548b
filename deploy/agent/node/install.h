/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts the bundle on the node. The bundle gets a directory of its own, named by its
 * version and content, in .bridge-cni/ of the runtime's plugin directory; then
 * `bridge-cni` in the plugin directory becomes a link into it. Both appear by rename: an
 * ADD that is running goes on with the files that it has, and the next one finds all of
 * the old or all of the new.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_INSTALL_H
#define BRIDGE_CNI_AGENT_NODE_INSTALL_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/base/error.h"

/* The caller sets the two directories, and the rest to 0. */
struct install {
	const char *bundle, *plugin_dir;
	uint64_t bundle_stat; /* the bundle by stat(); 0: it was not read yet */
	uint64_t bundle_content; /* the bundle by its files' bytes */
	char version[64]; /* the bundle's directory in .bridge-cni/; "": not known yet */
	uint64_t installed_stat; /* what is installed, by stat(); 0: not known */
};

/* An outcome of install_ensure(): a file or the link was put there. */
#define INSTALL_DONE 1

/*
 * Sees to it that the node has the bundle and the link, and that nobody has changed
 * either. That is cheap where nothing has changed since the last call. Of other versions
 * the one stays that the link led to before, since its ADDs may still be running. Where
 * both directories are the same one, the plugin is a package's, and only has to be there.
 * Codes 5; 11: the bundle changed while it was copied.
 */
int install_ensure(struct install *install, struct cni_error *err);

/* Is the executable of the name bridge-cni in @plugin_dir one that an agent has put there? */
bool install_is_agents(const char *plugin_dir);

/*
 * Removes what agents have put into @plugin_dir, and nothing else: the link first, if it
 * is theirs, then their directories, and .bridge-cni if nothing else is in it. Where
 * there is nothing of theirs nothing is touched. Code 5.
 */
int install_remove(const char *plugin_dir, struct cni_error *err);

#endif
