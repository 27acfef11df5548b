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

/* For which pod of which network it is asked. */
struct delegation {
	const struct network *network; /* its text is what the plugin reads */
	const struct pod *pod; /* names "" where the operation has none */
	const char *path; /* directories that plugins are looked for in, as CNI_PATH */
};

/*
 * Asks it for addresses: a result with at least one of them, whose strings @ret_doc owns. When anything fails its DEL has been run. Errors: its own, code and
 * details kept; 7 it isn't to be found; 106 it can't be run, takes too long, or answers
 * something that is neither a result nor an error.
 */
int delegate_add(const struct delegation *delegation, struct cni_result *ret_result,
		 struct json_doc **ret_doc, struct cni_error *err);

/* DEL, CHECK, STATUS or GC: its exit status counts. Errors as above. */
int delegate_run(const struct delegation *delegation, enum cni_verb verb,
		 struct cni_error *err);

#endif
