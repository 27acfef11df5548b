/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bundle on the node. It gets a directory of its own, named by version and content, in
 * .bridge-cni/ of the runtime's plugin directory; then `bridge-cni` there becomes a link into it.
 * Both appear by rename: an ADD that runs goes on with the files that it has, the next one
 * finds all of the old or all of the new.
 */
#ifndef BRIDGE_CNI_AGENT_INSTALL_H
#define BRIDGE_CNI_AGENT_INSTALL_H

#include <stdint.h>

#include "conf/base/error.h"

struct install {
	const char *from, *to; /* the bundle; the plugin directory */
	uint64_t source; /* what the bundle's files look like, by stat; 0: not read yet */
	uint64_t content; /* of the bundle */
	char version[64]; /* the directory's name, once known */
	uint64_t look; /* what the installed files look like, by stat; 0: not installed */
};

/*
 * Sees to it; cheap where nothing has changed since the last call. 1: something was put
 * there. The version before stays as well: its ADDs may still run. Code 5; 11: the bundle
 * changed while it was copied.
 */
int install_ensure(struct install *install, struct cni_error *err);

#endif
