/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A delegated IPAM: the executable that ipam.type names, run as the CNI specification
 * says ("Delegated Plugins"): found in CNI_PATH, with our CNI_* variables and our stdin.
 * Touches no kernel networking and no store; no lock must be held meanwhile.
 */
#ifndef BRIDGE_CNI_IPAM_DELEGATE_H
#define BRIDGE_CNI_IPAM_DELEGATE_H

#include "conf/env.h"
#include "conf/pod.h"

struct json_doc;

/* A question to the IPAM plugin: for which pod of which network. */
struct delegation {
	const struct network *network; /* the plugin reads its text */
	const struct pod *pod; /* its names are "" where the operation has none */
	const char *path; /* directories to look for plugins in, as CNI_PATH */
};

/*
 * Asks the plugin for addresses. @ret_result has at least one; @ret_doc owns its strings.
 * Where the plugin ran and anything fails, its DEL has been run, too. Errors: the
 * plugin's own, with code and details; 7, it isn't found; 106, it can't be run, takes too
 * long, or answers something that is neither a result nor an error.
 */
int delegate_add(const struct delegation *delegation, struct cni_result *ret_result,
		 struct json_doc **ret_doc, struct cni_error *err);

/* Runs the plugin for DEL, CHECK, STATUS or GC. Its exit status tells success.
 * Errors as above. */
int delegate_run(const struct delegation *delegation, enum cni_verb verb,
		 struct cni_error *err);

#endif
